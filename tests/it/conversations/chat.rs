//! The stand-in chats, and what a person sees there.

use std::sync::Arc;

use twake_bridge::clock::Clock;
use twake_bridge::lifecycle::Stop;
use twake_bridge::message::Readers;
use twake_bridge::sandbox::{Api, Application, Channel, Era, Sandbox, SandboxHandle, SandboxSettings};
use twake_bridge::secret::Secret;
use twake_bridge::twake::{Destination, matrix, messages_save, threads};

/// The stand-in chats, each with a generation of the server.
pub(super) const CHATS: [(Api, Era); 4] = [
    (Api::MessagesSave, Era::A2021),
    (Api::MessagesSave, Era::B),
    (Api::Threads, Era::B),
    (Api::Matrix, Era::B),
];

/// The id of a channel.
pub(crate) fn channel(api: Api, name: &str) -> String {
    match api {
        Api::Matrix => format!("!{name}"),
        Api::MessagesSave | Api::Threads => format!("ch-{name}"),
    }
}

/// A stand-in chat with the channels `dev` and `ops`, and its end.
pub(super) fn start_chat(api: Api, era: Era) -> (SandboxHandle, Stop) {
    let mut settings = SandboxSettings::new("127.0.0.1:0");
    (settings.api, settings.era) = (api, era);
    (settings.limits.messages, settings.limits.attempts) = (usize::MAX, usize::MAX);
    let key = Secret::new("private");
    settings.applications = vec![Application::new("bridge", "public", key, "company")];
    let named = |name: &str| Channel {
        id: channel(api, name),
        name: name.to_owned(),
    };
    settings.channels = ["dev", "ops"].map(named).into();
    let sandbox = Sandbox::bind(settings, Clock::system()).unwrap();
    let (handle, chat) = (sandbox.handle(), Stop::default());
    actix_web::rt::spawn(sandbox.run(chat.graceful.clone()));
    (handle, chat)
}

pub(super) fn destination(api: Api, sandbox: &SandboxHandle, name: &str) -> Destination {
    let url = sandbox.url().clone();
    if api == Api::Matrix {
        let token = matrix::Credentials::AccessToken(Secret::new("private"));
        let account = matrix::Account::new("main".to_owned(), url, token, Arc::default());
        return Destination::Matrix(matrix::Destination {
            account: Arc::new(account),
            channel: name.to_owned(),
            room: matrix::Room::parse(&format!("#{name}:sandbox.test")).unwrap(),
            notify: matrix::Notify::Never,
            allow_unencrypted: false,
            rate: None,
            readers: Readers::default(),
            conversations: true,
        });
    }
    if api == Api::Threads {
        let key = Secret::new("private");
        let account = threads::Account::new("main".to_owned(), url, "public".to_owned(), key, Arc::default());
        return Destination::Threads(threads::Destination {
            account: Arc::new(account),
            channel: name.to_owned(),
            group_id: "company".to_owned(),
            workspace_id: "workspace".to_owned(),
            channel_id: channel(api, name),
            rate: None,
            readers: Readers::default(),
            conversations: true,
        });
    }
    let account = messages_save::Account {
        name: "main".to_owned(),
        url,
        public_id: "public".to_owned(),
        private_api_key: Secret::new("private"),
        outbound: Arc::default(),
    };
    Destination::MessagesSave(messages_save::Destination {
        account: Arc::new(account),
        group_id: "company".to_owned(),
        channel_id: channel(api, name),
        rate: None,
        readers: Readers::default(),
        conversations: true,
    })
}

/// The messages of a channel as a person sees them.
pub(super) fn seen(sandbox: &SandboxHandle, channel: &str) -> Vec<String> {
    let mut messages = sandbox.messages(channel);
    messages.retain(|message| !message.deleted);
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let line = |id: &str| {
        let found = messages.iter().find(|message| message.id == id);
        found.map(|message| first_line(message.notification()))
    };
    let shown = messages.iter().map(|message| {
        let own = first_line(message.notification());
        match line(&message.parent) {
            Some(opener) => format!("{opener} > {own}"),
            None if message.parent.is_empty() => own,
            None => format!("nothing > {own}"),
        }
    });
    shown.collect()
}
