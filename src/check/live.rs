//! `check --live`: examines this machine (addresses, disk, permissions, clock) and asks Twake.

use rustix::fs::statvfs;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::Config;
use crate::config::env::{Environment, ProcessSettings};
use crate::delivery;
use crate::operator::{Client, operator_url};
use crate::toml_reader::Finding;

use crate::queue;
use crate::twake::{Account, Api, Destination, Generation, HaltScope, Reason, VerdictKind};
use crate::units::format_size;

/// The minimum of free disk space, in bytes.
const MIN_FREE: u64 = 64 << 20;
/// The maximum difference of clocks. Signatures with a timestamp expire early if it is larger; most senders allow five
/// minutes.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// Runs all live checks. Waits for Twake, at most `delivery.timeout` for each request. A Matrix account joins the rooms that
/// it is invited to.
pub fn inspect(config: &Config, settings: &ProcessSettings, environment: &Environment) -> Vec<Finding> {
    let mut findings = Vec::new();
    addresses(settings, &mut findings);
    store(config, settings, &mut findings);
    permissions(environment, &mut findings);
    let clock = Clock::system();
    actix_web::rt::System::new().block_on(async {
        // One destination for each set of scopes, such as an account and a company: Twake looks at nothing else.
        let destinations: BTreeMap<Vec<HaltScope>, (&str, &Destination)> = config
            .channels
            .iter()
            .map(|(name, destination)| (destination.scopes(), (&**name, destination)))
            .collect();
        let mut refused = BTreeSet::new();
        for (name, destination) in destinations.into_values() {
            let account = destination.account().name().to_owned();
            if !refused.contains(&account)
                && channel(name, destination, config.delivery.timeout, &clock, &mut findings).await
            {
                refused.insert(account);
            }
        }
    });
    findings
}

/// Checks that the addresses are free, or that the running bridge uses them.
fn addresses(settings: &ProcessSettings, findings: &mut Vec<Finding>) {
    let runs = Client::new(&operator_url(None, &settings.operator_listen), None)
        .and_then(|client| client.health("health"))
        .is_ok_and(|(is_well, _)| is_well);
    for (name, address) in [
        ("TWAKE_BRIDGE_LISTEN", &settings.listen),
        ("TWAKE_BRIDGE_OPERATOR_LISTEN", &settings.operator_listen),
    ] {
        match TcpListener::bind(address) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && runs => {
                findings.push(Finding::note(
                    "environment",
                    name,
                    format!("{address}: the running bridge listens there"),
                ));
            }
            Err(error) => findings.push(Finding::error(
                "environment",
                None,
                name,
                format!("{address} cannot be listened on: {error}"),
            )),
        }
    }
}

/// Checks that the folder of the store is writable and has free space.
fn store(config: &Config, settings: &ProcessSettings, findings: &mut Vec<Finding>) {
    let name = "TWAKE_BRIDGE_STORE";
    if queue::is_shared(&settings.store) {
        if let Err(error) = queue::reach(&settings.store) {
            let cause = error
                .source()
                .map(|cause| format!(": {cause}"))
                .unwrap_or_default();
            let what = format!("{error}{cause}");
            findings.push(Finding::error("environment", None, name, what));
        }
        return;
    }
    let path = match queue::locate(&settings.store) {
        Ok(path) => path,
        Err(error) => {
            findings.push(Finding::error("environment", None, name, error.to_string()));
            return;
        }
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if let Err(error) = tempfile::tempfile_in(folder) {
        let what = format!("cannot write to {}: {error}", folder.display());
        findings.push(Finding::error("environment", None, name, what));
        return;
    }
    let Ok(disk) = statvfs(folder) else { return };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < MIN_FREE {
        let what = format!(
            "{} has only {} left: webhooks are refused when it is full",
            folder.display(),
            format_size(free)
        );
        findings.push(Finding::error("environment", None, name, what));
    } else if free < config.history.size {
        let what = format!(
            "history.size lets history grow to {}, and {} has {} left",
            format_size(config.history.size),
            folder.display(),
            format_size(free)
        );
        findings.push(Finding::warning("environment", None, name, what));
    }
}

/// Checks that not everybody can read the files of secrets. A reader of a secret could send as its source, or post as the
/// bridge.
fn permissions(environment: &Environment, findings: &mut Vec<Finding>) {
    for file in environment.secret_files() {
        let Ok(metadata) = std::fs::metadata(&file) else {
            continue;
        };
        let mode = metadata.permissions().mode();
        let name = file.display().to_string();
        if mode & 0o007 != 0 && is_reachable(&file) {
            let what = format!("everybody on this machine may read this secret: chmod o= {name}");
            findings.push(Finding::error(&name, None, "", what));
        }
    }
}

/// Whether everybody on this machine may enter the folders of a file.
fn is_reachable(file: &Path) -> bool {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    file.ancestors().skip(1).all(|folder| {
        std::fs::metadata(folder).map_or(true, |metadata| metadata.permissions().mode() & 0o001 != 0)
    })
}

/// Asks Twake whether it takes messages for a channel, and compares the clocks. Returns whether nothing in the account can
/// pass.
async fn channel(
    name: &str,
    destination: &Destination,
    timeout: Duration,
    clock: &Clock,
    findings: &mut Vec<Finding>,
) -> bool {
    let account = destination.account();
    let of_account = format!("twake.{}", account.name());
    let of = "bridge.toml";
    let (verdict, date) = match delivery::probe(destination, timeout, clock).await {
        Ok(answered) => answered,
        Err(error) => {
            findings.push(Finding::error(of, None, &of_account, error.to_string()));
            return true;
        }
    };
    let detail = match verdict.detail.as_str() {
        "" => String::new(),
        detail => format!(" ({detail})"),
    };
    let to = format!("{}{}", account.url(), account.outbound().describe());
    let narrowest = destination.scopes().pop();
    let is_whole = match &verdict.kind {
        VerdictKind::Accepted => false,
        VerdictKind::Halt(scope) => *scope == HaltScope::account(account.name()),
        _ => UNREACHED.contains(&verdict.reason),
    };
    // Twake's messages/save answers about a company, the others about one channel.
    let table = if is_whole || account.api() == Api::MessagesSave {
        of_account.clone()
    } else {
        format!("channels.{name}")
    };
    let what = match generation(&account, verdict.reason, timeout, clock).await {
        Some(generation) => format!("{to}: {}{detail}; {}", verdict.reason.code(), generation.advice()),
        None => format!("{to}: {}{detail}; {}", verdict.reason.code(), verdict.hint),
    };
    if verdict.kind == VerdictKind::Accepted {
        let scope = narrowest.map_or_else(String::new, |scope| scope.to_string());
        findings.push(Finding::note(of, &table, format!("{to} accepts {scope}{detail}")));
    } else if matches!(verdict.kind, VerdictKind::Halt(_)) || UNREACHED.contains(&verdict.reason) {
        findings.push(Finding::error(of, None, &table, what));
    } else {
        findings.push(Finding::warning(of, None, &table, what));
    }
    if let Some(notice) = verdict.notice {
        let warning = Finding::warning(of, None, &of_account, notice);
        if !findings.contains(&warning) {
            findings.push(warning);
        }
    }
    let apart = date.map(|date| date.duration_since(clock.now()).unsigned_abs());
    if let Some(apart) = apart.filter(|apart| *apart > MAX_CLOCK_DIFFERENCE) {
        let what = format!(
            "this machine's clock and {}'s are {} s apart: requests whose signature has a timestamp would be refused as stale",
            account.url(),
            apart.as_secs()
        );
        findings.push(Finding::warning("clock", None, "", what));
    }
    is_whole
}

/// The reasons of an address that is not reached.
const UNREACHED: [Reason; 6] = [
    Reason::Unresolved,
    Reason::Unreachable,
    Reason::Tls,
    Reason::Proxy,
    Reason::TimedOut,
    Reason::Broken,
];

/// Which other generation answers where the account's API is not.
async fn generation(
    account: &Account,
    reason: Reason,
    timeout: Duration,
    clock: &Clock,
) -> Option<Generation> {
    let is_elsewhere = [Reason::Misrouted, Reason::NotJson, Reason::EmptyAnswer].contains(&reason);
    let others: &[Generation] = match account.api() {
        Api::MessagesSave if is_elsewhere => &Generation::ALL,
        Api::Threads if is_elsewhere => &[Generation::Matrix],
        _ => &[],
    };
    for generation in others {
        let request = generation.question(account.url());
        let answer = delivery::ask(account, request, timeout, clock).await.ok()?;
        if generation.is_shown_by(&answer) {
            return Some(*generation);
        }
    }
    None
}
