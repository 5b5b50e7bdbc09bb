//! What to do after `init`: what to paste at the sender, and the next commands.

use std::path::Path;

use super::answers::{Answers, in_secrets};

/// What was written, and the next steps.
pub(super) fn next_steps(folder: &Path, file: &Path, answers: &Answers) -> String {
    let (kind, channel) = (
        &answers.kind,
        answers.channels.first().map_or("dev", |(name, _)| name),
    );
    let change = match folder.to_str() {
        Some(".") => String::new(),
        _ => format!("  cd {}\n", folder.display()),
    };
    format!(
        "\n{} is written. Secrets are in {}.\n\nNext:\n{change}  twake-bridge check --live      asks Twake about the account and the \
         channels, and posts nothing\n  twake-bridge send {channel} 'hello'   posts a message\n  twake-bridge serve             runs the \
         bridge\n  twake-bridge test {kind}   meanwhile: sends a signed sample, as the sender would\n\n{}",
        file.display(),
        folder.join(super::SECRETS).display(),
        at_the_sender(folder, answers)
    )
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
