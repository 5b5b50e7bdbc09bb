//! `twake-bridge audit`: what operators have done.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use super::backend::{OperatorArguments, OperatorBackend};
use super::shown::{json, table, time};
use crate::operator::view::{AuditList, AuditQuery, LARGEST_PAGE, NumberedRecord};

#[derive(clap::Args)]
pub(super) struct AuditArguments {
    /// Show at most this many.
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u32,
    /// Continue before this record, as printed at the end of the previous list.
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorArguments,
}

pub(super) fn run(arguments: &AuditArguments) -> anyhow::Result<ExitCode> {
    OperatorBackend::run(&arguments.operator, async |operator| {
        let found = collect(operator, arguments).await?;
        let mut out = stdout().lock();
        if arguments.json {
            writeln!(out, "{}", json(&found)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        let rows: Vec<Vec<String>> = found.records.iter().map(row).collect();
        out.write_all(table(&["TIME (UTC)", "WHO", "WHAT", "TO", "DETAIL"], &rows).as_bytes())?;
        if let Some(next) = found.next {
            note!("there may be more: continue with --before {next}");
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Collects records page by page.
async fn collect(operator: &OperatorBackend, arguments: &AuditArguments) -> anyhow::Result<AuditList> {
    let mut found = AuditList {
        records: Vec::new(),
        next: arguments.before,
    };
    loop {
        let left = arguments
            .limit
            .saturating_sub(u32::try_from(found.records.len()).unwrap_or(u32::MAX));
        if left == 0 {
            return Ok(found);
        }
        let query = AuditQuery {
            before: found.next,
            limit: Some(left.min(LARGEST_PAGE)),
        };
        let page = operator.audit(&query).await?;
        found.records.extend(page.records);
        found.next = page.next;
        if found.next.is_none() {
            return Ok(found);
        }
    }
}

fn row(NumberedRecord { record, .. }: &NumberedRecord) -> Vec<String> {
    vec![
        time(record.at),
        record.who.clone(),
        record.action.word().to_owned(),
        record.target.clone(),
        record.detail.clone(),
    ]
}
