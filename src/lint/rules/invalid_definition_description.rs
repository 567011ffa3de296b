//! A comment right above a stage or an ARG describes it, and begins with its name.

use crate::{
    golang,
    lint::{Moment, Rule, rules::from_words},
    syntax::{
        Keyword,
        ast::{Arguments, Instruction},
    },
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "InvalidDefinitionDescription",
    description: "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.",
    url: Some("https://docs.docker.com/go/dockerfile/rule/invalid-definition-description/"),
    is_experimental: true,
    documentation: include_str!("invalid_definition_description.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::Read(written) = moment else {
        return None;
    };
    let comment = written.comments.last()?;
    let (instruction, names) = match written.kind()? {
        Keyword::From => ("FROM", stage_name(written)),
        Keyword::Arg => ("ARG", arguments(written)),
        _ => return None,
    };
    let described = comment.split(' ').next().unwrap_or_default();
    if names.iter().any(|name| name == described) {
        return None;
    }
    let example = match names.as_slice() {
        [] => return None,
        [name] => name,
        _ => "<arg_key>",
    };
    Some(format!(
        "Comment for {instruction} should follow the format: `# {example} <description>`"
    ))
}

fn stage_name(written: &Instruction) -> Vec<String> {
    match from_words(written) {
        Some([_, _, name]) => vec![golang::to_lower(name)],
        _ => Vec::new(),
    }
}

fn arguments(written: &Instruction) -> Vec<String> {
    let Arguments::Words(words) = &written.arguments else {
        return Vec::new();
    };
    let key = |word: &String| word.split('=').next().unwrap_or_default().to_owned();
    words.iter().map(key).collect()
}
