//! twake-bridge: webhooks in, Twake messages out, nothing lost in between.
//!
//! # Bird's eye
//!
//! ```text
//! sender ─POST /hooks/{source}─► body within the budget ─► authenticate ─► Event (or a challenge: answered, no event)
//!    decision::decide(event, source) ─► Decision { type, key, facts, routes and why, messages }
//!    queue.enqueue(event, deliveries) ─ commit ─► 202 {"event": "0198…", "channels": ["dev"]}
//!                   queue (SQLite)
//!    lane: claim ─► job ─► dialect (Document → Twacode) ⇄ awc ─► verdict ─► settle ─► next
//! ```
//!
//! Two halves that never see each other and meet in the queue. The accepting half ([`http`], [`authentication`],
//! [`event`], [`decision`]) runs on the listeners' worker threads; the delivering half ([`delivery`], [`twake`]) on the
//! main thread; the queue's store on a thread of its own.
//!
//! # Code map
//!
//! | module | is |
//! | --- | --- |
//! | [`cli`] | one file a subcommand |
//! | [`check`] | what `check` finds out: samples through every condition and template, this machine, Twake |
//! | [`preview`] | what `preview` shows of a payload: authentication, decision, messages and requests, as values |
//! | [`bridge`] | composition root: configuration → bound listeners → run until told to stop |
//! | [`lifecycle`], [`clock`], [`logging`], [`metrics`] | signals; the only reader of time; the log; what is counted |
//! | [`toml_reader`], [`units`], `suggest` | descriptions of TOML files: check, findings, JSON Schema; durations, sizes, rates; "did you mean" |
//! | [`config`] | the keys of bridge.toml and source.toml, the environment, secrets, template files: read, check, compile |
//! | [`headers`] | request headers in their order |
//! | [`payload`] | from a body to its payload: compression, forms, multipart, charset, estimate of memory |
//! | [`authentication`], [`secret`] | schemes of a kind and secrets of a source authenticate a request |
//! | [`event`] | an authenticated request with its parsed payload; keys against duplicates |
//! | [`admission`] | whom a listener and its sources let in: addresses, certificates |
//! | [`source`], [`condition`], [`facts`], [`route`] | a configured sender; CEL; words all senders share; where events go |
//! | [`decision`] | `decide(event, source) → Decision`: the one place that decides |
//! | [`template`], [`message`] | Handlebars without injection; `Document`, Markdown → `Document`, plain text, Twacode, cutting |
//! | [`twake`] | the delivery contract: job → requests → verdict, without I/O; one file a dialect; what HTTP itself means |
//! | [`queue`] | the durable middle: the handle, what is stored of a decision, the contract of a store and its suite; the store on SQLite |
//! | [`delivery`], [`retry`] | dispatcher, lane (the heart), client; when to try again |
//! | [`http`] | hooks, body budget, problem table, health, metrics |
//! | [`operator`] | the operator's lists and operations (replay, discard, move): the service on a store, its client over HTTP |
//! | `steps` | how much one decision may compute |
//! | `panics` | where a panic in somebody else's code ends |
//! | [`sandbox`] | the stand-in Twake with its page; the sample sender |
//!
//! # Invariants
//!
//! Each is shown by a test.
//!
//! 1. 2xx only after the commit: `hooks` answers from what [`queue::Queue::enqueue`] returned, and that returns after
//!    the commit.
//! 2. In order within a lane; one owner a lane. A lane stops when its settlement has an earlier fence
//!    ([`queue::Settled::Fenced`]).
//! 3. An unauthenticated body cannot become an event: [`event::Event::new`] requires an
//!    [`authentication::Authentic`], which only `authentication` creates. What a kind answers unsigned
//!    ([`decision::answer_unsigned_challenge`]) is answered from the request's head and always the same; its body is not read.
//! 4. `http` and `delivery` meet only in the queue; neither imports the other.
//! 5. No transaction over a call to Twake: a store's transactions live inside its actor, which calls nobody.
//! 6. A sender is a folder of data under `templates/`, not Rust.
//! 7. Nothing but [`decision::decide`] decides: CEL decides, Handlebars says. A template says what is worth saying; a route
//!    says to whom.
//! 8. A value never meets the Markdown parser as syntax: untrusted text can only become text.
//! 9. One [`message::Document`], many dialects.
//! 10. The core is pure (`headers event secret source admission payload authentication facts condition route retry template message twake decision
//!     toml_reader units suggest`
//!     know no actix, awc, tokio, rusqlite or log); I/O is at the rim. Only [`clock`] reads time, only `config::env`
//!     (and, for its own variable, [`logging`]) the environment, only `delivery::client` and [`sandbox`] know awc (and
//!     only `operator::client`, for the command line, another client), only
//!     `queue::sqlite` the database.
//! 11. Cost per event does not grow with backlog, channels or history.
//! 12. What is authentic is never refused for its content: it is posted, or kept with its reason. A body that cannot be
//!     read is an event, too ([`event::Event::unreadable`]).
//!
//! Every problem code, verdict reason and metric label is an enum variant, so nothing from outside makes new ones.

pub mod admission;
pub mod authentication;
pub mod bridge;
pub mod check;
pub mod cli;
pub mod clock;
pub mod condition;
pub mod config;
pub mod decision;
pub mod delivery;
pub mod event;
pub mod facts;
pub mod headers;
pub mod http;
pub mod lifecycle;
pub mod logging;
pub mod message;
pub mod metrics;
pub mod operator;
mod panics;
pub mod payload;
pub mod preview;
pub mod queue;
pub mod retry;
pub mod route;
pub mod sandbox;
pub mod secret;
pub mod source;
mod steps;
mod suggest;
pub mod template;
pub mod toml_reader;
pub mod twake;
pub mod units;
