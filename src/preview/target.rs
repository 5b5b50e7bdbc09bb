//! The target of a preview: a configured source, or a kind without a configuration.

use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

use crate::config::builtin::Sample;
use crate::config::{self, Channels, Config, NoKind};
use crate::message::Readers;
use crate::route::Routes;
use crate::secret::Secret;
use crate::source::Source;
use crate::suggest;
use crate::toml_reader::Finding;
use crate::twake::{Destination, Outbound, messages_save};

/// A source and the channels of its routes.
pub struct Target {
    /// The source.
    pub source: Arc<Source>,
    /// The channels by name.
    pub channels: Channels,
    /// The folder of own kinds, if there is one.
    pub templates: Option<PathBuf>,
    /// Whether the source is configured. Otherwise the target is a kind alone: it has no secrets, and its channel does
    /// not exist.
    pub configured: bool,
}

/// Why there is no such source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSource {
    /// The name is unknown. Holds a sentence with the nearest known name.
    Unknown(String),
    /// No name was given, and the configuration does not have exactly one source. Holds the known names.
    Unnamed(Vec<String>),
}

/// The name of the account and the channel of a kind alone.
pub(super) const PLACEHOLDER: &str = "preview";

impl Target {
    /// Returns the source with this name; without a name, the only source of the configuration.
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

    /// Returns a kind without a source, and the warnings about its files. `templates` is the folder of own kinds.
    ///
    /// # Errors
    /// There is no such kind, or its files have errors.
    pub fn kind_alone(name: &str, templates: Option<PathBuf>) -> Result<(Self, Vec<Finding>), NoKind> {
        let (loaded, warnings) = config::kind_alone(name, templates.as_deref())?;
        let channel: Arc<str> = Arc::from(PLACEHOLDER);
        let routes = Routes::new(Vec::new(), vec![Arc::clone(&channel)]);
        let target = Self {
            source: Arc::new(loaded.source_alone(routes)),
            channels: placeholder_destination()
                .map(|destination| (channel, destination))
                .into_iter()
                .collect(),
            templates,
            configured: false,
        };
        Ok((target, warnings))
    }

    /// Returns the samples of the source's kind, and the findings about own ones.
    pub fn samples(&self) -> (Vec<Sample>, Vec<Finding>) {
        config::samples(&self.source.kind.name, self.templates.as_deref())
    }
}

/// Returns a destination that does not exist, so that requests can be shown.
fn placeholder_destination() -> Option<Destination> {
    let account = messages_save::Account {
        name: PLACEHOLDER.to_owned(),
        url: Url::parse("https://twake.example.org/").ok()?,
        public_id: String::new(),
        private_api_key: Secret::new(""),
        outbound: Arc::new(Outbound::default()),
    };
    Some(Destination::MessagesSave(messages_save::Destination {
        group_id: "GROUP_ID".to_owned(),
        account: Arc::new(account),
        channel_id: "CHANNEL_ID".to_owned(),
        rate: None,
        readers: Readers::default(),
        conversations: true,
    }))
}
