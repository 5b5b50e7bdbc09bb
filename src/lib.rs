//! twake-bridge receives signed webhooks and posts each event to Twake channels, in order. It answers 2xx only after the event
//! is stored, so no accepted event is lost.
//!
//! # Bird's eye
//!
//! ```text
//! sender ── POST /hooks/{source} ──► read the body within the memory limits ──► authenticate ──► Event
//!    decision::decide(event, source) ──► Decision { type, key, facts, routes with reasons, messages }
//!    Queue::enqueue(event) ── commit ──► 202 {"event": "0198…", "channels": ["dev"]}
//!                     queue (SQLite)
//!    lane: Queue::claim ──► conversation::decide ──► acts ──► Job ──► dialect ⇄ HTTP client ──► Verdict
//!                     ──► Queue::settle, with what is kept of the conversation ──► next delivery
//! ```
//!
//! The program has two halves that meet only in the queue. The accepting half ([`http`], [`authentication`], [`event`],
//! [`decision`]) runs on the worker threads of the listeners. The delivering half ([`delivery`], [`twake`]) runs on the main
//! thread. The store of the queue runs on a thread of its own.
//!
//! A challenge (a request by which a sender tests the URL) is answered and is no event. What the sender gets in response is in
//! `docs/http.md`; which answers of Twake lead to which verdict is in `docs/twake.md`, for each API that Twake has had.
//!
//! # Code map
//!
//! In the order of an event:
//!
//! | module | contains |
//! | --- | --- |
//! | [`http`] | the listeners: connections, memory for bodies, limits, the handlers, the table of refusals, the access control of the operator's listener |
//! | [`admission`] | access control before authentication: client addresses and certificates |
//! | [`headers`], [`payload`] | the headers; from a body to its payload: compression, forms, multipart, charset, memory estimate, and the parts of it that something reads |
//! | [`authentication`], [`secret`] | the schemes of a kind, and the secrets and public keys of a source; one file per form of a signature |
//! | [`event`] | an authenticated request with its parsed payload; idempotency keys |
//! | [`source`], [`condition`], [`facts`], [`route`] | a configured sender; CEL, and why a condition holds or not; the names that mean the same for every sender; where an event goes |
//! | [`decision`] | everything decided about an event. [`decision::decide`] evaluates only the facts that are read, of a payload that has only the parts that are read ([`source::selection`]); [`decision::decide_whole`] evaluates all, for `check` and `preview` |
//! | [`confirmation`] | which address of a request the bridge may open, to confirm a subscription |
//! | [`template`], [`message`] | Handlebars to Markdown; Markdown to a [`message::Document`], and that to plain text, Twacode and HTML |
//! | [`conversation`] | what a delivery does in its channel (post, reply, update, or nothing), decided when it is claimed |
//! | [`queue`] | [`queue::Queue`], the contract of a store, and the stores on SQLite (one bridge) and PostgreSQL (several). [`queue::Queue::open`] chooses the store |
//! | [`digest`] | one message in place of many that wait in a lane: in a flood, and after quiet hours ([`message::Quiet`]) |
//! | [`delivery`], [`retry`] | one lane per channel, the HTTP client, halts; when to try again |
//! | [`twake`] | the delivery contract: from a [`twake::Job`] to requests and a [`twake::Verdict`], without I/O; one file per dialect |
//!
//! Around it:
//!
//! | module | contains |
//! | --- | --- |
//! | [`cli`] | the command line, one file per subcommand |
//! | [`bridge`] | the composition root: builds, runs, reloads and stops the bridge |
//! | [`config`] | reads and compiles `bridge.toml`, the environment, secrets, and the kinds with their templates |
//! | [`toml_reader`], [`units`], `zone`, `suggest` | descriptions of TOML files, for checks and `twake-bridge schema`; durations, sizes, rates; time zones; "did you mean" |
//! | [`draft`] | drafts a kind from real payloads: what `kinds new` writes |
//! | [`check`], [`preview`] | the results of these commands as values; `cli` prints them. [`preview::try_template`] tries an edited template |
//! | [`report`] | what the bridge reports about itself to a channel, and when |
//! | [`operator`] | list, show, explain, replay, discard, move, pause, audit: the service on a queue, and its client over HTTP |
//! | [`console`] | the pages of the operator, rendered from the values of [`operator`]; of templates that are tried, from those of [`preview`] |
//! | [`lifecycle`], [`clock`], [`logging`], [`metrics`] | signals and systemd; the time; the log; the counters |
//! | `steps`, `panics` | the step limit of a decision; where a panic of a library ends |
//! | [`sandbox`] | the stand-in chat (messages/save, threads, Matrix) with its page, and the sender of samples |
//!
//! # Invariants
//!
//! A test guards each of them.
//!
//! 1. **2xx only after the commit.** The handler responds with the result of [`queue::Queue::enqueue`], which returns after the
//!    commit.
//! 2. **Order within a channel.** A lane has one owner and one delivery in flight. Meanwhile the one before it is settled; the
//!    next one begins after that commit. [`queue::Queue::claim`] gives a fence to the owner. A settlement with an earlier fence
//!    changes nothing ([`queue::Settled::Fenced`]), and the lane stops. What a delivery does in its conversation is decided at
//!    its claim, and claimed again if one of the same conversation was not settled then. In a store that several bridges share, a
//!    claim is a lease: a bridge looks at its monotonic clock before each request, and renews the lease or does not post.
//! 3. **An unauthenticated body cannot become an event.** [`event::Event::new`] requires an [`authentication::Authentic`], which
//!    only `authentication` creates. An unsigned challenge ([`decision::answer_unsigned_challenge`]) gets a constant response,
//!    and its body is not read. Of an unauthenticated JSON body only the fields that its signature covers are looked at, if the
//!    signature covers fields.
//! 4. **`http` and `delivery` meet only in the queue.** Neither imports the other. A [`confirmation`] that an authentic, stored
//!    event asks for goes from one to the other through a bounded channel of `bridge`.
//! 5. **No transaction during a call to Twake.** The transactions of a store stay inside its actor, which makes no calls.
//! 6. **A sender is data**, a folder under `templates/`, not Rust.
//! 7. **Only `decision` decides.** CEL decides, Handlebars renders. A template chooses what is posted, a route chooses where.
//! 8. **Untrusted text stays text.** Values are inserted into a parsed [`message::Document`], never into Markdown source.
//! 9. **One document, many dialects.** A message is stored in no chat's format.
//! 10. **The core is pure.** `headers event secret source admission payload authentication facts condition confirmation route retry template
//!     message conversation digest twake decision report toml_reader units zone suggest` use no actix, awc, tokio, rusqlite or log. Only [`clock`] reads the
//!     time. Only `config::env` reads the environment (and [`logging`] its own variable). Only `delivery::client`, [`sandbox`] and
//!     `operator::client` make HTTP requests. Only `queue::sqlite` and `queue::postgres` use a database.
//! 11. **The cost of an event does not grow** with backlog, channels or history.
//! 12. **An authentic request is never refused for its content.** Its event is posted, or stored with the reason why not, also
//!     if its body cannot be parsed ([`event::Event::unreadable`]).
//!
//! Every problem code, verdict reason and metric label is an enum variant, so input cannot create new ones.

pub mod admission;
pub mod authentication;
pub mod bridge;
pub mod check;
pub mod cli;
pub mod clock;
pub mod condition;
pub mod config;
pub mod confirmation;
pub mod console;
pub mod conversation;
pub mod decision;
pub mod delivery;
pub mod digest;
pub mod draft;
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
pub mod report;
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
mod zone;
