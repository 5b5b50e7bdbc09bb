//! Renews the tokens of a Matrix account, once for all its lanes, and keeps them in a file before they are used.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tokio::sync::Mutex;

use super::Client;
use crate::secret::Secret;
use crate::twake::Account;
use crate::twake::matrix::{self, Renewal};

/// The turns of those that renew the tokens of a file. One renewal at a time: a refresh token is used once.
#[derive(Default)]
pub(in crate::delivery) struct Renewals(RefCell<BTreeMap<PathBuf, Rc<Mutex<()>>>>);

impl Renewals {
    fn turn(&self, file: &Path) -> Rc<Mutex<()>> {
        let mut turns = self.0.borrow_mut();
        Rc::clone(turns.entry(file.to_owned()).or_default())
    }
}

impl Client {
    /// Renews the tokens of an account that has sent `used`. If it is dropped before its end, the old tokens stay valid.
    pub(super) async fn renew(&self, account: &Account, used: &Secret) -> Renewal {
        let (Some(renewals), Account::Matrix(of)) = (&self.renewals, account) else {
            return Renewal::NotHere;
        };
        let Some(file) = of.token_file() else {
            return Renewal::NotHere;
        };
        let turn = renewals.turn(file);
        let _turn = turn.lock().await;
        // After a reload two accounts have this file for a while.
        look(of, file);
        let Some(request) = of.renewal(used) else {
            return Renewal::Renewed;
        };
        let answer = self.send(account, request).await;
        let Some(tokens) = of.renewed(&answer, self.clock.monotonic()) else {
            return Renewal::Refused(answer);
        };
        if let Err(error) = keep(file, &of.to_stored(&tokens)) {
            return Renewal::NotKept(format!("{}: {error}", file.display()));
        }
        of.use_tokens(tokens);
        log::info!(account = account.name(); "renewed the access token");
        Renewal::Renewed
    }
}

/// Reads the file of tokens, unless the account has read it.
pub(super) fn look_once(account: &Account) {
    let Account::Matrix(of) = account else { return };
    if let Some(file) = of.token_file().filter(|_| !of.has_tokens()) {
        look(of, file);
    }
}

fn look(account: &matrix::Account, file: &Path) {
    let text = match fs::read(file) {
        Ok(text) => Some(Ok(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(Err(error.to_string())),
    };
    let wrong = match text.transpose() {
        Ok(text) => account.adopt(text.as_deref()).err().map(str::to_owned),
        Err(error) => account.adopt(None).err().map(str::to_owned).or(Some(error)),
    };
    if let Some(why) = wrong {
        log::warn!(
            account = account.name.as_str();
            "cannot read the tokens in {}: {why}; the configured tokens are used", file.display()
        );
    }
}

/// Replaces a file, which only its owner can read. Afterwards it survives a loss of power.
fn keep(file: &Path, text: &Secret) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // Its mode is 600.
    let mut new = tempfile::Builder::new().prefix(".matrix-").tempfile_in(folder)?;
    new.write_all(text.expose().as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
