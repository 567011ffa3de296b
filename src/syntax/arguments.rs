//! The forms that arguments have. One function a form; [`read`] says which instruction has which.

use crate::{
    diagnostic::Result,
    golang::stray,
    syntax::{
        Keyword,
        ast::{Arguments, Pair},
        flags::BLANKS,
        json::{self, Array},
        messages, words,
    },
};

/// Reads what follows the flags; `rest` has no blanks around it.
///
/// `ONBUILD` is not read here: its argument is an instruction.
pub(super) fn read(keyword: Option<Keyword>, rest: &str, escape: char) -> Result<Arguments> {
    match keyword {
        Some(Keyword::Add | Keyword::Copy | Keyword::Volume) => json_or_words(rest),
        Some(Keyword::Cmd | Keyword::Entrypoint | Keyword::Run | Keyword::Shell) => {
            json_or_line(rest)
        }
        Some(Keyword::Env | Keyword::Label) => {
            pairs(keyword.map_or("", Keyword::name), rest, escape)
        }
        Some(Keyword::Arg) => Ok(Arguments::Words(words::split(
            &stray::replaced(rest),
            escape,
        ))),
        Some(Keyword::Expose | Keyword::From) => Ok(plain_words(rest)),
        Some(Keyword::Healthcheck) => check(rest),
        Some(Keyword::Maintainer | Keyword::Stopsignal | Keyword::User | Keyword::Workdir) => {
            Ok(Arguments::Line(rest.to_owned()))
        }
        Some(Keyword::Onbuild) | None => Ok(Arguments::Words(Vec::new())),
    }
}

/// `["a", "b"]` | `word*`
fn json_or_words(rest: &str) -> Result<Arguments> {
    Ok(json_array(rest)?.unwrap_or_else(|| plain_words(rest)))
}

/// `["a", "b"]` | the line
fn json_or_line(rest: &str) -> Result<Arguments> {
    Ok(json_array(rest)?.unwrap_or_else(|| Arguments::Line(rest.to_owned())))
}

/// `["a", "b"]`. What is not JSON is no array, and no mistake either: `CMD ['a']` is a shell's line.
fn json_array(rest: &str) -> Result<Option<Arguments>> {
    match json::array(&stray::replaced(rest)) {
        Array::Strings(strings) => Ok(Some(Arguments::Json(strings))),
        Array::Mixed => Err(messages::not_all_strings().into()),
        Array::NotJson => Ok(None),
    }
}

/// `word*`, where a quote or an escape is a letter like any other.
fn plain_words(rest: &str) -> Arguments {
    let words = rest.split(BLANKS).filter(|word| !word.is_empty());
    Arguments::Words(words.map(str::to_owned).collect())
}

/// `key=value*` | `key value`: the first word decides.
fn pairs(keyword: &str, rest: &str, escape: char) -> Result<Arguments> {
    let words = words::split(&stray::replaced(rest), escape);
    if words.first().is_some_and(|word| !word.contains('=')) {
        return old_pair(keyword, rest).map(|pair| Arguments::Pairs(vec![pair]));
    }
    let pairs: Result<_> = words.iter().map(|word| pair(word)).collect();
    Ok(Arguments::Pairs(pairs?))
}

/// `key=value`
fn pair(word: &str) -> Result<Pair> {
    let (key, value) = word
        .split_once('=')
        .ok_or_else(|| messages::no_equals_sign(word))?;
    Ok(Pair {
        key: key.to_owned(),
        value: value.to_owned(),
        separator: "=",
    })
}

/// `key value`, where the value is the rest of the line.
fn old_pair(keyword: &str, rest: &str) -> Result<Pair> {
    let (key, value) = rest
        .split_once(BLANKS)
        .ok_or_else(|| messages::two_arguments(keyword))?;
    Ok(Pair {
        key: key.to_owned(),
        value: value.trim_start_matches(BLANKS).to_owned(),
        separator: "",
    })
}

/// `kind command`
///
/// The original looks at bytes: those of Latin-1's two blanks end the first word too, wherever they are.
fn check(rest: &str) -> Result<Arguments> {
    let is_blank = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ' | 0x85 | 0xa0);
    let bytes = stray::encode(rest);
    let end = bytes.iter().position(is_blank).unwrap_or(bytes.len());
    let (kind, blank) = bytes.split_at(end);
    let begin = blank.iter().position(|byte| !is_blank(byte));
    let command = begin.map_or(&[][..], |begin| &blank[begin..]);
    Ok(Arguments::Check {
        kind: stray::decode(kind),
        command: Box::new(json_or_line(&stray::decode(command))?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(instruction: &str) -> String {
        let (keyword, rest) = instruction.split_once(' ').unwrap_or((instruction, ""));
        match read(Keyword::read(keyword), rest, '\\') {
            Ok(arguments) => summary(&arguments),
            Err(error) => error.to_string(),
        }
    }

    fn summary(arguments: &Arguments) -> String {
        match arguments {
            Arguments::Words(words) => format!("words {words:?}"),
            Arguments::Json(words) => format!("json {words:?}"),
            Arguments::Line(line) => format!("line {line:?}"),
            Arguments::Pairs(pairs) => {
                let pair = |it: &Pair| format!("{}{}|{}", it.key, it.separator, it.value);
                let pairs: Vec<_> = pairs.iter().map(pair).collect();
                format!("pairs {pairs:?}")
            }
            Arguments::Check { kind, command } => format!("{kind}: {}", summary(command)),
            Arguments::Trigger(_) => "trigger".to_owned(),
        }
    }

    #[test]
    fn each_instruction_has_its_form() {
        let cases = [
            ("COPY a  b\t/c", r#"words ["a", "b", "/c"]"#),
            ("COPY \"a b\" /c", r#"words ["\"a", "b\"", "/c"]"#),
            (r#"COPY ["a b", "/c"]"#, r#"json ["a b", "/c"]"#),
            ("VOLUME [", r#"words ["["]"#),
            ("COPY", "words []"),
            ("RUN make  all", r#"line "make  all""#),
            (r#"CMD ["a"]"#, r#"json ["a"]"#),
            ("CMD ['a']", r#"line "['a']""#),
            ("CMD []", "json []"),
            ("RUN", r#"line """#),
            (
                "SHELL [1]",
                "when using JSON array syntax, arrays must be comprised of strings only",
            ),
            (
                "ENV a=b c=\"d e\" f==",
                r#"pairs ["a=|b", "c=|\"d e\"", "f=|="]"#,
            ),
            ("ENV a  b=c d ", r#"pairs ["a|b=c d "]"#),
            ("ENV", "pairs []"),
            ("ENV a", "ENV must have two arguments"),
            ("label a", "LABEL must have two arguments"),
            (
                "ENV a=b c",
                r#"Syntax error - can't find = in "c". Must be of the form: name=value"#,
            ),
            (r"ARG a b='c d' e\ f", r#"words ["a", "b='c d'", "e\\ f"]"#),
            ("EXPOSE 80 [", r#"words ["80", "["]"#),
            ("FROM a AS b", r#"words ["a", "AS", "b"]"#),
            ("WORKDIR /a b", r#"line "/a b""#),
            ("HEALTHCHECK CMD  a b", r#"CMD: line "a b""#),
            (r#"HEALTHCHECK CMD ["a"]"#, r#"CMD: json ["a"]"#),
            ("HEALTHCHECK NONE", r#"NONE: line """#),
            ("HEALTHCHECK", r#": line """#),
            ("HELO a", "words []"),
        ];
        for (instruction, expected) in cases {
            assert_eq!(told(instruction), expected, "{instruction}");
        }
    }

    #[test]
    fn the_first_word_of_a_check_ends_at_a_byte() {
        // The second byte of `à` is a blank in Latin-1.
        let read = read(Some(Keyword::Healthcheck), "CMDà b", '\\').expect("a check");
        let Arguments::Check { kind, command } = read else {
            panic!("{read:?}");
        };
        assert_eq!(*stray::encode(&kind), *b"CMD\xc3");
        assert_eq!(*command, Arguments::Line("b".to_owned()));
    }
}
