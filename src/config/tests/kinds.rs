use super::*;

#[test]
fn a_wrong_kind_is_an_error_and_a_wrong_template_a_warning() {
    let house = House::new();
    house.file(
        "templates/bad/source.toml",
        "title = 3\nmethods = [\"POST\"]\n[event]\nkey = 'facts'\nremember = 7\nquiet = [{ type = \"x\" }]\n[facts]\nlink = 'payload.x'\nbranch = ['payload.', 'branch']\n[bodie]\n",
    );
    house.file("templates/empty/push.hbs", "x");
    house.file("templates/bakery/baked.hbs", "{{{raw}}}");
    let findings = house.findings(&format!("{START}{SOURCE}"));
    for expected in [
        "bad/source.toml:1: title: is a number, a text was expected",
        "bad/source.toml:2: methods: is not supported yet",
        "bad/source.toml:3: event: `type` is missing",
        "bad/source.toml:4: event.key: there is no name `facts`",
        "bad/source.toml:5: event.remember: 7 has no unit",
        "bad/source.toml:6: event.quiet[0]: `why` is missing",
        "bad/source.toml:8: facts.link: this is a word of conditions or templates",
        "bad/source.toml:9: facts.branch: column 9: cannot go on from '.'",
        "bad/source.toml:9: facts.branch: there is no name `branch`",
        "bad/source.toml:10: bodie: unknown key, did you mean `body`?",
        "`[[authentication]]` is missing",
        "empty: there is no source.toml in it",
    ] {
        assert!(
            findings.iter().any(|finding| finding.contains(expected)),
            "{expected}\n{}",
            findings.join("\n")
        );
    }
    fs::remove_dir_all(house.folder.path().join("templates/bad")).unwrap();
    fs::remove_dir_all(house.folder.path().join("templates/empty")).unwrap();
    let config = house.read(&format!("{START}{SOURCE}")).unwrap();
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(
        config.warnings[0].to_string().contains("baked.hbs"),
        "{}",
        config.warnings[0]
    );
}

#[test]
fn an_own_file_stands_before_the_built_in_one_of_its_name() {
    let house = House::new();
    let built_in = builtin::kinds()[0];
    house.file(&format!("templates/{built_in}/source.toml"), KIND);
    let text = format!("{START}{SOURCE}").replace("\"bakery\"", &format!("{built_in:?}"));
    let config = house.read(&text).unwrap();
    assert_eq!(config.sources["oven"].kind.title, "Bakery");
}

#[test]
fn every_built_in_kind_is_right() {
    let mut findings = Vec::new();
    for (name, folder) in kind::folders(None, &mut findings) {
        assert!(
            kind::load(&name, folder, &mut findings).is_some(),
            "{name}: {findings:?}"
        );
    }
    assert!(findings.is_empty(), "{findings:?}");
}
