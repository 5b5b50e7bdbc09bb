//! The address of the store, as far as it can be checked without knowing a database: `TWAKE_BRIDGE_STORE`.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Checks the address of the store as far as no database need be known. Returns it with the file of the credential that it
/// names. It is logged, so it must not contain a password.
pub(super) fn checked(address: &str, credentials: Option<&Path>) -> Result<String, String> {
    const NAMES: &str = "password_credential=";
    /// What would end a value in an address, or be read as something else.
    const IN_VALUE: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'&').add(b'+');
    let Some(server) = on_server(address) else {
        return match address.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(address.to_owned()),
            _ => Err(
                "a store is sqlite:PATH, such as sqlite:twake-bridge.db, or postgres://USER@HOST/DATABASE"
                    .to_owned(),
            ),
        };
    };
    let user = server.split_once('@').map_or("", |(user, _)| user);
    if user.contains(':') || option(address, "password").is_some() {
        return Err(
            "the address has a password, and others may see the environment of a process: write it into a file, and add \
             ?password_file=PATH (or ?password_credential=NAME for a credential of systemd)"
                .to_owned(),
        );
    }
    let Some(name) = option(address, "password_credential") else {
        return Ok(address.to_owned());
    };
    let file = credential(&name, credentials)?;
    let file = file.to_string_lossy();
    let file = format!("password_file={}", utf8_percent_encode(&file, IN_VALUE));
    let parts = address.split_inclusive(['?', '&']).map(|part| {
        let (option, end) = match part.strip_suffix(['?', '&']) {
            Some(option) => (option, &part[option.len()..]),
            None => (part, ""),
        };
        if option.starts_with(NAMES) {
            format!("{file}{end}")
        } else {
            part.to_owned()
        }
    });
    Ok(parts.collect())
}

/// What follows `postgres://` in the address of a store on a server.
pub(super) fn on_server(store: &str) -> Option<&str> {
    let server = store.strip_prefix("postgres://");
    server.or_else(|| store.strip_prefix("postgresql://"))
}

/// An option of the address of a store on a server, decoded.
pub(super) fn option<'a>(store: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let (_, options) = on_server(store)?.split_once('?')?;
    let value = |option: &'a str| option.strip_prefix(name)?.strip_prefix('=');
    let value = options.split('&').find_map(value)?;
    Some(percent_decode_str(value).decode_utf8_lossy())
}

/// The file of a credential in systemd's folder of them.
pub(super) fn credential(name: &str, folder: Option<&Path>) -> Result<PathBuf, String> {
    if name.contains('/') || name.starts_with('.') {
        return Err("a credential's name is a file's name, without folders".to_owned());
    }
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).ok_or(
        "there is no $CREDENTIALS_DIRECTORY: systemd sets it for a service with LoadCredential=; elsewhere set it, or \
         name a file",
    )?;
    // systemd names the files of a folder given to LoadCredential= after both: `secrets` and `x` become `secrets_x`.
    let (plain, within) = (folder.join(name), folder.join(format!("secrets_{name}")));
    Ok(if plain.exists() || !within.exists() {
        plain
    } else {
        within
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_file_or_on_a_server() {
        for address in [
            "sqlite:x.db",
            "postgres://b@db/x",
            "postgresql://b@one,two/x?sslmode=disable",
        ] {
            assert_eq!(checked(address, None).as_deref(), Ok(address));
        }
        for address in ["", "sqlite:", "x.db", "mysql://b@db/x", "postgres:b@db/x"] {
            let why = checked(address, None).unwrap_err();
            assert!(why.starts_with("a store is sqlite:PATH"), "{address}: {why}");
        }
    }

    #[test]
    fn a_password_in_the_address_of_a_server_is_refused_and_not_shown() {
        for address in [
            "postgres://bridge:hush@db/x",
            "postgres://bridge:hu?sh=hush@db/x",
            "postgresql://bridge@db/x?password=hush",
        ] {
            let why = checked(address, None).unwrap_err();
            assert!(why.contains("?password_file=PATH"), "{why}");
            assert!(!why.contains("hush"), "{why}");
        }
    }
}
