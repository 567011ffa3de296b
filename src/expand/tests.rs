use std::{env, fs, path::PathBuf};

use proptest::prelude::*;

use super::*;

const PLAIN: Expander = Expander {
    escape: '\\',
    raw_quotes: false,
    raw_escapes: false,
    skip_quotes: false,
    skip_unset: false,
};

/// What the tables below expand with.
fn scope() -> Environment {
    Environment::from_iter([
        ("x", "one"),
        ("empty", ""),
        ("path", "a/b.tar.gz"),
        ("spaced", " s  t "),
        ("lines", "ab\ncb\n"),
        ("dollar", "$1-$0"),
        ("ключ", "unicode"),
    ])
}

#[track_caller]
fn check(modes: Expander, cases: &[(&str, &str)]) {
    for (word, expected) in cases {
        let text = match modes.word(word, &scope(), &mut Budget::default()) {
            Ok(expanded) => expanded.text,
            Err(error) => format!("! {}", error.reason),
        };
        assert_eq!(text, *expected, "{word:?}");
    }
}

#[test]
fn names_are_replaced() {
    check(
        PLAIN,
        &[
            ("$x", "one"),
            ("a${x}b$x.c", "aonebone.c"),
            ("$xy", ""),
            ("$", "$"),
            ("$.", "$."),
            ("$12a", "a"),
            ("$$x", "x"),
            ("$ключ", "unicode"),
            ("\u{feff}$x\u{feff}", "one\u{feff}"),
            ("\\$x \\\\ \\a \\", "$x \\ a "),
        ],
    );
}

#[test]
fn modifiers_choose_a_value() {
    check(
        PLAIN,
        &[
            ("${x:-d}${empty:-d}${none:-d}", "onedd"),
            ("${x-d}${empty-d}${none-d}", "oned"),
            ("${x:+d}${empty:+d}${none:+d}", "d"),
            ("${x+d}${empty+d}${none+d}", "dd"),
            ("${x:?d}${empty?d}", "one"),
            ("${none:-${empty:-$x}}", "one"),
            ("${none:-\"a}b\"}", "a}b"),
            ("${none:-a\\}b}", "a}b"),
        ],
    );
}

#[test]
fn patterns_shorten_a_value() {
    check(
        PLAIN,
        &[
            ("${path#*/}", "b.tar.gz"),
            ("${path#*.}", "tar.gz"),
            ("${path##*.}", "gz"),
            ("${path%.*}", "a/b.tar"),
            ("${path%%.*}", "a/b"),
            ("${path%%?z}", "a/b.tar."),
            ("${path#$x}", "a/b.tar.gz"),
            ("${lines#*b}", "\ncb\n"),
            ("${lines##*b}", "\ncb\n"),
            ("${lines#*\nc}", "b\n"),
            ("${lines%b*}", "ab\ncb\n"),
            ("${x#\\*}", "one"),
            (
                "${x#\\n}",
                "! invalid pattern (\\n) in substitution: invalid escape '\\n'",
            ),
            (
                "${x%a\\n}",
                "! invalid pattern (\\na) in substitution: invalid escape '\\n'",
            ),
        ],
    );
}

#[test]
fn patterns_replace_in_a_value() {
    check(
        PLAIN,
        &[
            ("${path/./-}", "a/b-tar.gz"),
            ("${path//./-}", "a/b-tar-gz"),
            ("${path/\\//-}", "a-b.tar.gz"),
            ("${path/a*t/-}", "-ar.gz"),
            ("${path//?/-}", "----------"),
            ("${path//*/-}", "-"),
            ("${x///-}", "-o-n-e-"),
            ("${lines//?b/-}", "-\n-\n"),
            ("${lines//*/-}", "-\n-\n-"),
            ("${x/n/$dollar}", "o$1-$0e"),
            ("${x//n/$dollar}", "o-ne"),
            ("${x//n/'$$'}", "o$e"),
            ("${x//n/'${0}$'}", "on$e"),
            ("${none//n/a}", ""),
        ],
    );
}

#[test]
fn quotes_protect() {
    check(
        PLAIN,
        &[
            (r#"'$x "\'"#, "$x \"\\"),
            (r#""$x '\"\$\\\a""#, "one '\"$\\\\a"),
            ("a'b'\"c\"", "abc"),
            ("<$x<< EOF", "<one<< EOF"),
        ],
    );
}

#[test]
fn modes_keep_what_they_say() {
    let raw = Expander {
        raw_quotes: true,
        raw_escapes: true,
        ..PLAIN
    };
    check(raw, &[(r#"'a'"\"$x\b"\c"#, r#"'a'"\"one\\b"\c"#)]);
    let skip_quotes = Expander {
        skip_quotes: true,
        ..PLAIN
    };
    check(skip_quotes, &[(r#"'$x" \$x"#, r#"'one" $x"#)]);
    let skip_unset = Expander {
        skip_unset: true,
        ..PLAIN
    };
    check(
        skip_unset,
        &[
            ("$x$none${none}", "one$none${none}"),
            ("${none:-a$x}${none+b}", "${none:-aone}${none+b}"),
            ("${none//a/b}", "${none/a/b}"),
        ],
    );
    let backtick = Expander::new('`');
    check(backtick, &[(r"C:\$x`$x", r"C:\one$x")]);
}

#[test]
fn complaints_are_those_of_the_original() {
    check(
        PLAIN,
        &[
            (
                "'a",
                "! unexpected end of statement while looking for matching single-quote",
            ),
            (
                "\"a",
                "! unexpected end of statement while looking for matching double-quote",
            ),
            (
                "\"a\\",
                "! unexpected end of statement while looking for matching double-quote",
            ),
            ("${", "! syntax error: missing '}'"),
            ("${x", "! unsupported modifier (\u{fffd}) in substitution"),
            ("${x:-", "! syntax error: missing '}'"),
            ("${x:-'}", "! syntax error: missing '}'"),
            ("${x:", "! syntax error: missing '}'"),
            ("${x/a}", "! syntax error: missing '/' in ${}"),
            ("${x/a/b", "! syntax error: missing '}'"),
            ("${}", "! syntax error: bad substitution"),
            ("${:x}", "! syntax error: bad substitution"),
            ("${{x}}", "! syntax error: bad substitution"),
            ("${none:-${}}", "! syntax error: bad substitution"),
            ("${x:y}", "! unsupported modifier (:y) in substitution"),
            ("${x:#y}", "! unsupported modifier (:#) in substitution"),
            ("${x.y}", "! unsupported modifier (.) in substitution"),
            ("${none?}", "! none: is not allowed to be unset"),
            ("${empty:?}", "! empty: is not allowed to be empty"),
            ("${none:?say $x}", "! none: say one"),
        ],
    );
    let error = PLAIN
        .word("a\"$none", &(), &mut Budget::default())
        .expect_err("the quote stays open");
    let complaint = "failed to process \"a\\\"$none\": unexpected end of statement while looking for matching double-quote";
    assert_eq!(error.to_string(), complaint);
    assert_eq!(error.unmatched, ["none"]);
}

#[test]
fn names_asked_for_are_told() {
    let word = "$x ${none:-$y} ${empty:+$z} '$quoted'";
    let expanded = PLAIN
        .word(word, &scope(), &mut Budget::default())
        .expect("the word is well formed");
    assert!(expanded.matched.iter().eq(["empty", "x"]));
    assert_eq!(expanded.unmatched, ["y", "none", "z"]);
}

#[test]
fn words_are_split_after_expansion() {
    for (word, expected) in [
        ("a  b", &["a", "b"][..]),
        ("a$spaced", &["a", "s", "t"]),
        ("a\"$spaced\"b c", &["a s  t b", "c"]),
        ("a\\ b", &["a b"]),
        ("\"\" ''", &[]),
        ("$empty", &[]),
        ("<< EOF", &["<< EOF"]),
        // The word begun is lost, and the one inside is not split off.
        ("80${none:-81}/tcp", &["81/tcp"]),
        ("80 81${none:-82 83}", &["80", "82", "83"]),
    ] {
        let words = PLAIN.words(word, &scope(), &mut Budget::default());
        assert_eq!(
            words.expect("the word is well formed"),
            expected,
            "{word:?}"
        );
    }
    assert!(PLAIN.words("a 'b", &(), &mut Budget::default()).is_err());
}

#[test]
fn hostile_words_end_in_an_error() {
    let deep = "${a:-".repeat(100_000) + &"}".repeat(100_000);
    let error = PLAIN
        .word(&deep, &(), &mut Budget::default())
        .expect_err("nobody nests this deep");
    assert!(matches!(*error.reason, Reason::TooDeep(_)));
    let nested = "${a:-".repeat(90) + "b" + &"}".repeat(90);
    assert_eq!(
        PLAIN
            .word(&nested, &(), &mut Budget::default())
            .map(|expanded| expanded.text)
            .as_deref(),
        Ok("b")
    );

    let mut environment = Environment::from_iter([("a", "0123456789")]);
    let mut budget = Budget::default();
    let outcome = (0..40).try_for_each(|_| {
        let twice = PLAIN.word("$a$a", &environment, &mut budget)?.text;
        environment.set("a", twice);
        Ok::<_, Error>(())
    });
    assert!(outcome.is_err_and(|error| matches!(*error.reason, Reason::Overgrown(_))));
    // Nothing is left, not even for little.
    assert!(PLAIN.word("'b'", &(), &mut budget).is_err());
}

#[test]
fn patterns_cost_what_they_read() {
    let environment = Environment::from_iter([
        ("a", "x".repeat(1 << 12)),
        ("dollars", "$none".repeat(1 << 12)),
    ]);
    for pattern in ["??????????y", "*x*x*x*x*x*x*x*x*x*y", "?"] {
        for word in ["${a#", "${a##", "${a%", "${a/", "${a//"] {
            let end = if word.ends_with('/') { "/}" } else { "}" };
            let word = [word, pattern, end].concat();
            let mut budget = Budget::default();
            budget.spend(budget::MOST - (1 << 18)).expect("it is there");
            let mut words = 0;
            while PLAIN.word(&word, &environment, &mut budget).is_ok() {
                words += 1;
            }
            assert!((1..=64).contains(&words), "{word}: {words} times");
        }
    }
    let mut budget = Budget::default();
    budget.spend(budget::MOST - (1 << 18)).expect("it is there");
    let long = PLAIN.word("${a//?/$a}", &environment, &mut budget);
    assert!(long.is_err_and(|error| matches!(*error.reason, Reason::Overgrown(_))));
    let empty = PLAIN.word("${a//?/$dollars}", &environment, &mut Budget::default());
    assert_eq!(empty.map(|it| it.text).as_deref(), Ok(""));
}

#[test]
fn patterns_take_no_longer_than_text() {
    let lines = "a".repeat(50_000) + "\n" + &"ab\n".repeat(50_000);
    let environment = Environment::from_iter([("lines", lines.clone())]);
    for pattern in [
        "${lines//a*c/x}",
        "${lines//*a*a*c/x}",
        "${lines##*a*a*a*c}",
        "${lines%%c*a*a}",
    ] {
        let text = PLAIN
            .word(pattern, &environment, &mut Budget::default())
            .map(|expanded| expanded.text);
        assert_eq!(text.as_deref(), Ok(lines.as_str()), "{pattern}");
    }
}

proptest! {
    #[test]
    fn no_word_panics(word in "[-$<{}'\"\\\\:?+#%/* \na-c0é]{0,40}", skip in any::<bool>(), raw in any::<bool>()) {
        let modes = Expander { skip_unset: skip, raw_quotes: raw, raw_escapes: raw, ..PLAIN };
        let environment = Environment::from_iter([("a", word.as_str()), ("b", "")]);
        let _ = modes.word(&word, &environment, &mut Budget::default());
        let _ = modes.words(&word, &environment, &mut Budget::default());
    }

    #[test]
    fn a_word_without_special_characters_stays(word in "[^$<'\"\\\\\u{feff}]{0,40}") {
        let text = PLAIN.word(&word, &(), &mut Budget::default()).map(|expanded| expanded.text);
        prop_assert_eq!(text, Ok(word));
    }
}

/// The tables of the original, read where `BUILDKIT_SOURCE` says its repository lies.
fn original_table(name: &str) -> Option<String> {
    let Some(source) = env::var_os("BUILDKIT_SOURCE") else {
        eprintln!("skipped: BUILDKIT_SOURCE does not say where the original's {name} is");
        return None;
    };
    let path = PathBuf::from(source)
        .join("frontend/dockerfile/shell")
        .join(name);
    Some(fs::read_to_string(path).expect("BUILDKIT_SOURCE is a checkout of moby/buildkit"))
}

#[test]
fn the_variables_of_the_original_expand_the_same() {
    let Some(table) = original_table("envVarTest") else {
        return;
    };
    let scope = Environment::from_iter([
        ("PWD", "/home"),
        ("SHELL", "bash"),
        ("KOREAN", "한국어"),
        ("NULL", ""),
    ]);
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    let rows = rows.filter(|line| !line.trim().is_empty());
    for row in rows {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let &[platform, word, expected] = columns.as_slice() else {
            panic!("three columns, not {row:?}");
        };
        if platform == "W" {
            continue;
        }
        let text = PLAIN
            .word(word, &scope, &mut Budget::default())
            .map(|expanded| expanded.text);
        assert_eq!(text.as_deref().unwrap_or("error"), expected, "{row}");
    }
}

#[test]
fn the_words_of_the_original_split_the_same() {
    let Some(table) = original_table("wordsTest") else {
        return;
    };
    let mut scope = Environment::new();
    for row in table.lines().filter(|line| !line.starts_with('#')) {
        if let Some(variable) = row.strip_prefix("ENV ") {
            let (name, value) = variable.trim_start().split_once('=').expect("name=value");
            scope.set(name, value);
            continue;
        }
        let (word, expected) = row.split_once('|').expect("two columns");
        let expected: Vec<&str> = expected.trim_start_matches(' ').split(',').collect();
        let words = PLAIN.words(word.trim(), &scope, &mut Budget::default());
        let words = words.unwrap_or_else(|_| vec!["error".to_owned()]);
        assert_eq!(words, expected, "{row}");
    }
}
