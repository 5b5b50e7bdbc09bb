//! Twake, every generation of it: a `Document` becomes a request, an answer becomes a verdict. One file a dialect.

pub mod twacode;

use std::sync::Arc;
use std::time::Duration;
use url::Url;

use crate::secret::Secret;

/// `[twake.NAME]`: a Twake with credentials.
pub struct Account {
    /// Its name in `bridge.toml`.
    pub name: String,
    /// The dialect.
    pub api: Api,
    /// Where it is.
    pub url: Url,
    /// The application's public identifier.
    pub public_id: String,
    /// The application's private key.
    pub private_api_key: Secret,
    /// The company, where a channel names no other.
    pub group_id: String,
}

/// The dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `POST {url}/api/v1/messages/save`.
    MessagesSave,
}

/// `[channels] NAME`: a place in an account that the bridge may post to.
#[derive(Clone)]
pub struct Place {
    /// The account.
    pub account: Arc<Account>,
    /// The company.
    pub group_id: String,
    /// The channel.
    pub channel_id: String,
    /// At most this often; unset: as fast as Twake answers.
    pub rate: Option<Rate>,
}

/// `30/m`: so many in such a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In what time.
    pub per: Duration,
}
