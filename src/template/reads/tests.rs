use super::*;

fn paths(text: &str) -> Vec<String> {
    let template = Template::compile(text).unwrap();
    reads(&template)
        .iter()
        .map(|read| format!("{} {}", read.line.unwrap_or_default(), read.path.join(".")))
        .collect()
}

#[test]
fn paths_are_found_in_every_place_of_a_value() {
    for (text, expected) in [
        (
            "{{branch}} {{payload.a.[0].b}}",
            vec!["1 branch", "1 payload.a.0.b"],
        ),
        (
            "x\n{{#if payload.a}}\n{{b}}{{else if c}}{{d}}{{else}}{{e}}{{/if}}",
            vec!["2 payload.a", "3 b", "3 c", "3 d", "3 e"],
        ),
        (
            "{{#unless (or a (not payload.b))}}{{/unless}}",
            vec!["1 a", "1 payload.b"],
        ),
        (
            "{{link (truncate title 80) payload.url}}",
            vec!["1 title", "1 payload.url"],
        ),
        (
            "{{default payload.x \"none\"}} {{! comment }} text",
            vec!["1 payload.x"],
        ),
        ("{{this.branch}} {{./tag}}", vec!["1 branch", "1 tag"]),
    ] {
        assert_eq!(paths(text), expected, "{text}");
    }
}

#[test]
fn the_names_of_an_event_that_a_template_reads_are_known() {
    for (text, read) in [
        ("{{branch}} {{payload.a}}", "branch payload"),
        (
            "{{#each payload.c}}{{branch}} {{@root.tag}} {{../title}}{{/each}}",
            "payload tag title",
        ),
        ("{{#each this}}{{@key}}{{/each}}", "all"),
        ("{{lookup this payload.name}}", "all"),
        ("{{lookup @root payload.name}}", "all"),
        ("{{#with this}}{{branch}}{{/with}}", "all"),
    ] {
        let template = Template::compile(text).unwrap();
        let when = Condition::compile("actor == payload.x").unwrap();
        let names = ReadNames::of(&template, Some(&when));
        for name in ["actor", "branch", "payload", "tag", "title", "url"] {
            let expected = read == "all" || name == "actor" || name == "payload" || read.contains(name);
            assert_eq!(names.contains(name), expected, "{text}: {name}");
        }
    }
}

#[test]
fn names_in_a_block_belong_to_its_argument() {
    for (text, expected) in [
        (
            "{{#each payload.c}}{{id}} {{this.id}} {{this}} {{@index}} {{@root.branch}} {{../title}}{{else}}{{tag}}{{/each}}",
            vec![
                "1 payload.c",
                "1 payload.c.[].id",
                "1 payload.c.[].id",
                "1 payload.c.[]",
                "1 branch",
                "1 title",
                "1 tag",
            ],
        ),
        (
            "{{#with payload.a}}{{b}}{{#if c}}{{d}}{{/if}}{{#each e}}{{../f}}{{/each}}{{/with}}",
            vec![
                "1 payload.a",
                "1 payload.a.b",
                "1 payload.a.c",
                "1 payload.a.d",
                "1 payload.a.e",
                "1 payload.a.f",
            ],
        ),
        (
            "{{#each payload.a as |item key|}}{{item.b}}{{key}}{{/each}}{{#with payload.a as |all|}}{{#each all}}{{all.[0]}}{{x}}{{/each}}{{/with}}",
            vec![
                "1 payload.a",
                "1 payload.a.[].b",
                "1 payload.a",
                "1 payload.a",
                "1 payload.a.0",
                "1 payload.a.[].x",
            ],
        ),
        (
            "{{#each (first (where payload.a \"s\" \"t\") 3)}}{{b}}{{/each}}{{#each (except labels payload.l)}}{{this}}{{@root.x}}{{/each}}",
            vec![
                "1 payload.a",
                "1 payload.a.[].b",
                "1 labels",
                "1 payload.l",
                "1 x",
            ],
        ),
    ] {
        assert_eq!(paths(text), expected, "{text}");
    }
}

#[test]
fn an_argument_is_read_whole_unless_a_helper_reads_less_of_it() {
    for (text, expected) in [
        (
            "{{payload.a}} {{link payload.b payload.c}}",
            "payload.a! payload.b! payload.c!",
        ),
        (
            "{{#if payload.a}}{{payload.a.b}}{{/if}}",
            "payload.a payload.a.b!",
        ),
        (
            "{{#if (and payload.a (not payload.b))}}{{/if}}",
            "payload.a payload.b",
        ),
        ("{{#if (eq payload.a payload.b)}}{{/if}}", "payload.a! payload.b!"),
        (
            "{{len payload.a}} {{rest payload.b 3}} {{plural payload.c \"x\"}}",
            "payload.a.[] payload.b.[] payload.c.[]",
        ),
        (
            "{{#each payload.a}}{{@key}} {{b}}{{/each}}",
            "payload.a.[] payload.a.[].b!",
        ),
        (
            "{{#each payload.a}}{{this}}{{/each}}",
            "payload.a.[] payload.a.[]!",
        ),
        (
            "{{#with payload.a}}{{b.c}} {{../d}} {{../../../e}}{{/with}}",
            "payload.a payload.a.b.c! d! payload.a.e!",
        ),
        (
            "{{#with payload.a as |x|}}{{#each x}}{{b}}{{/each}}{{/with}}",
            "payload.a payload.a.[] payload.a.[].b!",
        ),
        (
            "{{#each (first payload.a 3)}}{{b}}{{/each}}",
            "payload.a.[] payload.a.[3].b!",
        ),
        (
            "{{#each (first payload.a payload.n)}}{{b}}{{/each}}",
            "payload.a.[] payload.n! payload.a.[].b!",
        ),
        (
            "{{#with (first payload.a 1)}}{{this.[0].b}}{{/with}}",
            "payload.a! payload.a.0.b!",
        ),
        ("{{first payload.a 3}}", "payload.a!"),
        (
            "{{#each (where payload.a \"s\" \"t\")}}{{b}}{{/each}}",
            "payload.a.[] payload.a.[].s! payload.a.[].b!",
        ),
        (
            "{{#each (where payload.a \"s\" \"t\" 3)}}{{b}}{{#each (first c 2)}}{{d}}{{/each}}{{/each}}",
            "payload.a.[] payload.a.[].s! payload.a.[3 s=t].b! payload.a.[3 s=t].c.[] payload.a.[3 s=t].c.[2].d!",
        ),
        (
            "{{#each (where payload.a payload.s 1)}}{{b}}{{/each}}",
            "payload.a.[] payload.s! payload.a.[]! payload.a.[].b!",
        ),
        (
            "{{#each (default payload.a payload.b)}}{{c}}{{/each}}",
            "payload.a! payload.b!",
        ),
        (
            "{{#each (except payload.a payload.b)}}{{c}}{{/each}}",
            "payload.a! payload.b!",
        ),
        ("{{lookup payload.a payload.b}}", "payload.a! payload.b!"),
        ("{{#with (lookup @root payload.a)}}{{b}}{{/with}}", "! payload.a!"),
        ("{{#each this}}{{b}}{{/each}}", "! [].b!"),
    ] {
        let template = Template::compile(text).unwrap();
        let reads = all_reads(&template).into_iter();
        let shown = reads.map(|read| read.path.join(".") + if read.whole { "!" } else { "" });
        assert_eq!(shown.collect::<Vec<_>>().join(" "), expected, "{text}");
    }
}
