//! FROM and AS are written in one case.

use crate::{
    golang,
    lint::{Moment, Rule, rules::from_words},
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "FromAsCasing",
    description: "The 'as' keyword should match the case of the 'from' keyword",
    url: Some("https://docs.docker.com/go/dockerfile/rule/from-as-casing/"),
    is_experimental: false,
    documentation: include_str!("from_as_casing.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::Written(written) = moment else {
        return None;
    };
    let [_, alias, _, ..] = from_words(written)? else {
        return None;
    };
    let from = &written.keyword;
    // A FROM of mixed case is another rule's concern.
    let wanted = if *from == golang::to_lower(from) {
        golang::to_lower(alias)
    } else if *from == golang::to_upper(from) {
        golang::to_upper(alias)
    } else {
        return None;
    };
    (*alias != wanted).then(|| format!("'{alias}' and '{from}' keywords' casing do not match"))
}
