//! twake-bridge: webhooks in, Twake messages out, nothing lost in between.
#![doc = ""]

pub mod authentication;
pub mod bridge;
pub mod cli;
pub mod clock;
pub mod condition;
pub mod config;
pub mod delivery;
pub mod event;
pub mod facts;
pub mod http;
pub mod lifecycle;
pub mod logging;
pub mod message;
pub mod metrics;
pub mod queue;
pub mod retry;
pub mod road;
pub mod route;
pub mod sandbox;
pub mod secret;
pub mod source;
pub mod template;
pub mod twake;
