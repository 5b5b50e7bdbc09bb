//! The source that a preview is for: a configured one, or a kind without a configuration.

use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

use crate::config::builtin::Sample;
use crate::config::{self, Channels, Config, NoKind};
use crate::route::Routes;
use crate::secret::Secret;
use crate::source::Source;
use crate::suggest;
use crate::toml_reader::Finding;
use crate::twake::{Destination, Outbound, messages_save};

/// A source, and the channels that its events may go to.
pub struct Target {
    /// The source.
    pub source: Arc<Source>,
    /// The channels by name.
    pub channels: Channels,
    /// The folder of own kinds, where there is one.
    pub templates: Option<PathBuf>,
    /// Whether the source is configured. Otherwise it is a kind alone: it has no secrets, and its channel does not
    /// exist.
    pub configured: bool,
}

/// Why a configuration has no such source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSource {
    /// None has this name; a sentence with the nearest known name.
    Unknown(String),
    /// No name was given, and there is not exactly one source; the names there are.
    Unnamed(Vec<String>),
}

/// The name of the account and the channel of a kind alone.
const NOWHERE: &str = "preview";

impl Target {
    /// A source of a configuration; without a name, the only one there is.
    ///
    /// # Errors
    /// There is no such source.
    pub fn configured(config: Config, name: Option<&str>) -> Result<Self, NoSource> {
        let names = || config.sources.keys().map(|name| &**name);
        let source = if let Some(name) = name {
            let source = config.sources.get(name);
            source.ok_or_else(|| NoSource::Unknown(suggest::unknown("source", name, names())))?
        } else {
            let only = config.sources.values().next();
            let only = only.filter(|_| config.sources.len() == 1);
            only.ok_or_else(|| NoSource::Unnamed(names().map(str::to_owned).collect()))?
        };
        Ok(Self {
            source: Arc::clone(source),
            channels: config.channels,
            templates: config.templates,
            configured: true,
        })
    }

    /// A kind alone, and the warnings about its files; `templates` is the folder of own kinds.
    ///
    /// # Errors
    /// There is no such kind, or something is wrong with it.
    pub fn kind_alone(name: &str, templates: Option<PathBuf>) -> Result<(Self, Vec<Finding>), NoKind> {
        let (loaded, warnings) = config::kind_alone(name, templates.as_deref())?;
        let channel: Arc<str> = Arc::from(NOWHERE);
        let routes = Routes::new(Vec::new(), vec![Arc::clone(&channel)]);
        let target = Self {
            source: Arc::new(loaded.source_alone(routes)),
            channels: nowhere()
                .map(|destination| (channel, destination))
                .into_iter()
                .collect(),
            templates,
            configured: false,
        };
        Ok((target, warnings))
    }

    /// The samples of the source's kind, and what is wrong with own ones.
    pub fn samples(&self) -> (Vec<Sample>, Vec<Finding>) {
        config::samples(&self.source.kind.name, self.templates.as_deref())
    }
}

/// A destination that does not exist, so that the request can be shown.
fn nowhere() -> Option<Destination> {
    let account = messages_save::Account {
        name: NOWHERE.to_owned(),
        url: Url::parse("https://twake.example.org/").ok()?,
        public_id: String::new(),
        private_api_key: Secret::new(""),
        group_id: "GROUP_ID".to_owned(),
        outbound: Arc::new(Outbound::default()),
    };
    Some(Destination::MessagesSave(messages_save::Destination {
        group_id: account.group_id.clone(),
        account: Arc::new(account),
        channel_id: "CHANNEL_ID".to_owned(),
        rate: None,
    }))
}
