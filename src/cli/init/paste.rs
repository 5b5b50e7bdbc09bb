//! What to do after `init`: what to paste at the sender, and the next commands.

use std::fmt::Write as _;
use std::path::Path;

use super::answers::{Answers, SECRETS, in_secrets};

/// What was written, and the next steps.
pub(super) fn next_steps(folder: &Path, file: &Path, answers: &Answers) -> String {
    let channel = answers.channels.first().map_or("dev", |(name, _)| name);
    let mut text = format!(
        "\n{} is written. The secrets are in {}.\n\nNext:\n",
        file.display(),
        folder.join(SECRETS).display()
    );
    for (command, what) in [
        (format!("cd {}", folder.display()), "where bridge.toml is"),
        (
            "twake-bridge check --live".to_owned(),
            "asks Twake about the account and the channels; posts nothing",
        ),
        (format!("twake-bridge send {channel} 'hello'"), "posts a message"),
        ("twake-bridge serve".to_owned(), "runs the bridge"),
        (
            format!("twake-bridge test {}", answers.kind),
            "while it runs: sends a signed sample, as the sender would",
        ),
    ] {
        if command != "cd ." {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {command:<36}  {what}");
        }
    }
    format!("{text}\n{}", at_the_sender(folder, answers))
}

fn at_the_sender(folder: &Path, answers: &Answers) -> String {
    let kind = &answers.kind;
    let mut url = answers.public_url.clone();
    // An http URL always has a path.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["hooks", kind]);
    }
    let secret = folder.join(in_secrets(answers.source_secret()));
    let secret = secret.display();
    match (kind.as_str(), &answers.source_scheme) {
        ("github", _) => format!(
            "At GitHub: repository or organization → Settings → Webhooks → Add webhook
  Payload URL   {url}
  Content type  application/json
  Secret        the content of {secret}
  Events        pushes, pull requests, issues, releases, workflow runs; or everything"
        ),
        ("alertmanager", _) => format!(
            "For Alertmanager: copy the token to where it can read it, add this to alertmanager.yml, and restart it
  sudo install -m 640 -g prometheus {secret} /etc/prometheus/twake-token

route: {{ receiver: twake }}
receivers:
  - name: twake
    webhook_configs:
      - url: {url}
        http_config: {{ authorization: {{ credentials_file: /etc/prometheus/twake-token }} }}"
        ),
        (_, None) => format!("At {}\n  URL  {url}\n  templates/{kind}/README.md explains the rest", answers.title),
        (_, Some(scheme)) => {
            let (url, secret) = if scheme.is_in_path() {
                (format!("{url}/SECRET"), format!("in place of SECRET: the content of {secret}"))
            } else {
                (url.to_string(), format!("the content of {secret}, as {}", scheme.name))
            };
            format!(
                "At {}\n  URL     {url}\n  Secret  {secret}\n  templates/{kind}/README.md explains the rest",
                answers.title
            )
        }
    }
}
