//! Rooms, users, requests and the registration.

use super::*;

#[test]
fn a_room_is_an_alias_or_an_id_and_what_is_none_names_the_nearest() {
    for (text, alias) in [
        ("!qAYK6iUEt7Oc3yf19UZOgnOhNirod5boAT2v1oKvA9U", false),
        ("!noiWZcyamFrDNBwgyw:bridge.test", false),
        ("#dev:example.org", true),
        ("#dev/ops:example.org:8448", true),
        ("#ä:[::1]", true),
    ] {
        let room = Room::parse(text).unwrap();
        assert_eq!(matches!(room, Room::Alias(_)), alias, "{text}");
        assert_eq!(room.text(), text);
    }
    for (text, expected) in [
        ("dev:example.org", "did you mean \"#dev:example.org\"?"),
        (
            "https://matrix.to/#/#dev:example.org",
            "did you mean \"#dev:example.org\"?",
        ),
        (
            "https://matrix.to/#/%23dev:example.org?via=x",
            "did you mean \"#dev:example.org\"?",
        ),
        (
            "https://chat.example.org/web/#/!abc:x/$event",
            "did you mean \"!abc:x\"?",
        ),
        ("@ann:example.org", "is a person"),
        ("#dev", "an alias is written #name:server"),
        ("#:example.org", "is no room"),
        ("#dev:", "is no room"),
        ("!", "is no room"),
        ("! x", "is no room"),
        ("dev", "is no room"),
        ("https://matrix.example.org", "is no room"),
        ("00000000-0000-0000-0000-000000000002", "is no room"),
    ] {
        let why = Room::parse(text).unwrap_err();
        assert!(why.contains(expected), "{text}: {why}");
    }
}

#[test]
fn the_address_keeps_the_path_of_the_url_and_encodes_ids() {
    let url = "https://host/chat/".parse().unwrap();
    let account = Account::new(
        "chat".to_owned(),
        url,
        Credentials::AccessToken(Secret::new(TOKEN)),
        Arc::default(),
    );
    let room = "!a/b?c#d%:host";
    let destination = Destination {
        account: Arc::new(account),
        room: Room::parse(room).unwrap(),
        ..destination(ALIAS)
    };
    let message = hello();
    let request = twake::request(&Job::post(Uuid::nil(), 1, &destination.into(), &message));
    let path = "https://host/chat/_matrix/client/v3/rooms/%21a%2Fb%3Fc%23d%25%3Ahost/send/m.room.message/";
    assert!(request.url.as_str().starts_with(path), "{}", request.url);
    assert_eq!((request.method, request.url.query()), ("PUT", None));
    assert_eq!(request.authorization.expose(), format!("Bearer {TOKEN}"));
    assert!(request.headers.contains(&("content-type", "application/json")));
}

#[test]
fn the_same_channel_has_the_same_room_credentials_and_rules() {
    let one = twake::Destination::from(destination(ALIAS));
    let of = |change: fn(&mut Destination)| {
        let mut other = destination(ALIAS);
        change(&mut other);
        one.same_destination(&other.into())
    };
    assert!(of(|_| {}));
    assert!(!of(|other| other.room = Room::parse(ROOM).unwrap()));
    assert!(!of(|other| other.allow_unencrypted = true));
    assert!(!of(
        |other| other.account = account(Credentials::AccessToken(Secret::new("other")))
    ));
    assert!(!of(|other| other.account =
        account(Credentials::ApplicationService {
            token: Secret::new(TOKEN),
            user_id: "@a:b".to_owned(),
        })));
}

#[test]
fn the_registration_owns_one_user_and_has_no_rate_limit() {
    let service = Credentials::ApplicationService {
        token: Secret::new("as \"token\""),
        user_id: "@bridge.x:bridge.test".to_owned(),
    };
    let text = registration(&account(service)).unwrap().yaml();
    let expected = r#"id: "twake-bridge-chat"
url: null
as_token: "as \"token\""
hs_token: "HASH"
sender_localpart: "bridge.x"
rate_limited: false
namespaces:
  users:
    - exclusive: true
      regex: "^@bridge\\.x:bridge\\.test$"
  aliases: []
  rooms: []
"#;
    let hash = text
        .split("hs_token: \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert_eq!(hash.len(), 64);
    assert_eq!(text.replace(hash, "HASH"), expected);
    assert!(registration(&account(Credentials::AccessToken(Secret::new(TOKEN)))).is_none());
}
