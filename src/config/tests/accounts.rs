//! Accounts: what `[twake.X]` says beyond the address and the key, and which one a channel is in.

use super::*;

#[test]
fn an_accounts_authorities_are_read_and_looked_at() {
    const AUTHORITY: &str = include_str!("../../delivery/tests/private-ca.pem");
    let house = House::new();
    let start = START.replace("group_id = \"g\"", "group_id = \"g\"\nca_file = \"ca.pem\"");
    let text = format!("{start}{SOURCE}");
    assert_found(&house.findings(&text), &["ca.pem cannot be opened"]);
    house.file("ca.pem", "no certificate");
    assert_found(&house.findings(&text), &["twake.main.ca_file"]);
    assert_found(&house.findings(&text), &["has no certificate"]);
    house.file("ca.pem", &AUTHORITY.replace("MII", "AAA"));
    assert_found(&house.findings(&text), &["cannot be used"]);
    house.file("ca.pem", &AUTHORITY.replace("-----END", "-----EN"));
    assert_found(&house.findings(&text), &["ca.pem is not a PEM file"]);
    house.file("ca.pem", &AUTHORITY.repeat(2));
    let config = house.read(&text).unwrap();
    assert_eq!(config.channels["dev"].account.outbound.authorities().len(), 2);
    let plain = text.replace("https:", "http:");
    assert_found(&house.findings(&plain), &["has no use"]);
}

#[test]
fn a_channel_needs_an_account_that_is_there() {
    let second = START.replace("[channels]", "[twake.other]\nurl = \"http://x\"\npublic_id = \"p\"\nprivate_api_key = { env = \"KEY\" }\ngroup_id = \"g\"\n[channels]\nqa = { channel_id = \"c\", account = \"mian\" }");
    assert_found(
        &House::new().findings(&second),
        &[
            "channels.qa.account: there is no account \"mian\", did you mean \"main\"?",
            "channels.dev: `account` is missing, as there are several",
            "channels.ops: `account` is missing, as there are several",
            "channels.qa: no source",
            "channels.dev: no source",
            "channels.ops: no source",
        ],
    );
    assert_found(
        &House::new().findings("[channels]\ndev = \"c\""),
        &[
            "channels.dev: there is no account it could be in",
            "channels.dev: no source",
        ],
    );
}
