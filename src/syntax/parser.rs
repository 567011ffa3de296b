//! The loop over a file.
//!
//! Takes text; gives instructions one after the other, each with the comments above it and the
//! here-documents below it.

use crate::{
    diagnostic::{Diagnostic, Result},
    source::Lines,
    syntax::{
        Keyword, Parsed, arguments,
        ast::{Arguments, File, Heredoc, Instruction},
        directive::{self, BYTE_ORDER_MARK, Directives, Name},
        flags, heredoc,
        lines::{PhysicalLines, continued, is_comment, trim_newline},
        messages,
    },
};

/// Reads a whole file.
pub(super) fn file(text: &str) -> Parsed {
    let mut parser = Parser::new(text);
    while let Some(line) = parser.logical_line() {
        match parser.instruction(&line) {
            // Of a line that is too long, only what is wrong counts.
            Ok(_) if parser.lines.is_cut() => {}
            Ok(instruction) => parser.file.instructions.push(instruction),
            Err(error) => {
                let lines = Lines::new(line.start, parser.number);
                parser.diagnostics.push(error.at(lines));
            }
        }
    }
    parser.finish()
}

struct Parser<'s> {
    lines: PhysicalLines<'s>,
    /// How many lines were read.
    number: u32,
    directives: Directives,
    /// The comments since the last instruction or empty comment.
    comments: Vec<String>,
    /// Whether a line that should be an instruction was seen.
    begun: bool,
    file: File,
    diagnostics: Vec<Diagnostic>,
}

/// Continuations joined, comments dropped.
struct LogicalLine {
    text: String,
    start: u32,
}

impl<'s> Parser<'s> {
    fn new(text: &'s str) -> Self {
        Self {
            lines: PhysicalLines::new(text),
            number: 0,
            directives: Directives::default(),
            comments: Vec::new(),
            begun: false,
            file: File {
                escape: '\\',
                instructions: Vec::new(),
                comments: Vec::new(),
            },
            diagnostics: Vec::new(),
        }
    }

    /// The next line that is neither blank nor a comment, with all that continues it.
    fn logical_line(&mut self) -> Option<LogicalLine> {
        loop {
            let mut physical = self.lines.next()?;
            if self.number == 0 {
                physical = physical.strip_prefix(BYTE_ORDER_MARK).unwrap_or(physical);
            }
            self.number += 1;
            let line = trim_newline(physical).trim_start();
            if line.starts_with('#') {
                self.directive_or_comment(physical, line);
                continue;
            }
            self.directives.end();
            if !line.is_empty() {
                self.begun = true;
                return Some(self.joined(line));
            }
        }
    }

    /// `line` is `physical` without its newline and what stands before the `#`.
    fn directive_or_comment(&mut self, physical: &str, line: &str) {
        let mut error = None;
        match self.directives.read(line, "#") {
            Ok(None) => self.comment(physical, line),
            Ok(Some(found)) if found.name == Name::Escape => match directive::escape(found.value) {
                Ok(escape) => self.file.escape = escape,
                Err(wrong) => error = Some(wrong),
            },
            Ok(Some(_)) => {}
            Err(repeated) => error = Some(*repeated),
        }
        // The original has not counted the line yet when it reports it.
        let line_before = Lines::one(self.number - 1);
        self.diagnostics
            .extend(error.map(|error| error.at(line_before)));
    }

    fn comment(&mut self, physical: &str, line: &str) {
        if !self.begun {
            let text = line.strip_prefix('#').unwrap_or(line).trim();
            let place = Lines::one(self.number);
            self.file.comments.push((place, text.to_owned()));
        }
        // The original drops one character, whatever it is: an indented comment keeps its `#`.
        let mut characters = physical.chars();
        characters.next();
        match characters.as_str().trim() {
            "" => self.comments.clear(),
            comment => self.comments.push(comment.to_owned()),
        }
    }

    /// `first` and the lines that continue it, less comments and empty lines.
    fn joined(&mut self, first: &str) -> LogicalLine {
        let start = self.number;
        let (part, mut open) = continued(first, self.file.escape);
        let mut text = part.to_owned();
        let mut blank = false;
        while open {
            // At a line that is too long this one ends, and the loop over all lines gets what fits of that.
            let Some(line) = self.lines.next() else {
                break;
            };
            self.number += 1;
            let line = trim_newline(line);
            if is_comment(line) {
                continue;
            }
            if line.trim_start().is_empty() {
                blank = true;
                continue;
            }
            let (part, more) = continued(line, self.file.escape);
            text.push_str(part);
            open = more;
        }
        if blank {
            let warning = messages::empty_continuation(&text, self.number);
            self.diagnostics.push(warning);
        }
        LogicalLine { text, start }
    }

    /// The instruction on this line, and the here-documents after it.
    fn instruction(&mut self, line: &LogicalLine) -> Result<Instruction> {
        let comments = std::mem::take(&mut self.comments);
        let lines = Lines::new(line.start, self.number);
        let mut instruction = instruction(&line.text, self.file.escape, lines)?;
        instruction.comments = comments;
        if opens_heredocs(&instruction) && line.text.contains("<<") {
            let openings = heredoc::openings(&line.text).map_err(Diagnostic::error)?;
            for opening in openings {
                let heredoc = self.body(opening)?;
                instruction.heredocs.push(heredoc);
            }
        }
        instruction.lines.end = self.number;
        Ok(instruction)
    }

    /// The lines up to the name.
    fn body(&mut self, mut heredoc: Heredoc) -> Result<Heredoc> {
        for line in self.lines.by_ref() {
            self.number += 1;
            let end = trim_newline(line);
            let end = match heredoc.chomp {
                true => end.trim_start_matches('\t'),
                false => end,
            };
            if end == heredoc.name {
                return Ok(heredoc);
            }
            heredoc.content.push_str(line);
        }
        Err(messages::unterminated_heredoc().into())
    }

    fn finish(mut self) -> Parsed {
        let end = Lines::one(self.number);
        if !self.begun {
            self.diagnostics.push(messages::no_instructions().at(end));
        }
        if self.lines.stopped() {
            self.diagnostics.push(messages::line_too_long().at(end));
        }
        Parsed {
            file: self.file,
            diagnostics: self.diagnostics,
        }
    }
}

/// `keyword flag* arguments`
fn instruction(line: &str, escape: char, lines: Lines) -> Result<Instruction> {
    let parts = flags::split(line, escape);
    let keyword = Keyword::read(parts.keyword);
    let arguments = match keyword {
        Some(Keyword::Onbuild) => trigger(parts.rest, escape, lines)?,
        _ => arguments::read(keyword, parts.rest, escape)?,
    };
    Ok(Instruction {
        keyword: parts.keyword.to_owned(),
        flags: parts.flags,
        original: line.to_owned(),
        arguments,
        heredocs: Vec::new(),
        lines,
        comments: Vec::new(),
    })
}

/// The instruction that `ONBUILD` keeps for later.
///
/// `ONBUILD ONBUILD …` may not be written, but what it holds is read before that is found out. It is read
/// here without going deeper, and left as a line.
fn trigger(rest: &str, escape: char, lines: Lines) -> Result<Arguments> {
    if rest.is_empty() {
        return Ok(Arguments::Words(Vec::new()));
    }
    let parts = flags::split(rest, escape);
    if Keyword::read(parts.keyword) != Some(Keyword::Onbuild) {
        let instruction = instruction(rest, escape, lines)?;
        return Ok(Arguments::Trigger(Box::new(instruction)));
    }
    let mut inner = flags::split(parts.rest, escape);
    while Keyword::read(inner.keyword) == Some(Keyword::Onbuild) {
        inner = flags::split(inner.rest, escape);
    }
    arguments::read(Keyword::read(inner.keyword), inner.rest, escape)?;
    Ok(Arguments::Trigger(Box::new(Instruction {
        keyword: parts.keyword.to_owned(),
        flags: parts.flags,
        original: rest.to_owned(),
        arguments: Arguments::Line(parts.rest.to_owned()),
        heredocs: Vec::new(),
        lines,
        comments: Vec::new(),
    })))
}

/// Whether `<<` means something on this line: `ADD`, `COPY`, `RUN`, or one of them in `ONBUILD`; not in JSON.
fn opens_heredocs(instruction: &Instruction) -> bool {
    let inner = match &instruction.arguments {
        Arguments::Trigger(trigger) => trigger,
        _ => instruction,
    };
    let takes = inner.kind().is_some_and(Keyword::takes_heredocs);
    takes && !matches!(inner.arguments, Arguments::Json(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line for each instruction, with its place, its here-documents and the comments above it;
    /// then a line for each diagnostic.
    fn summary(text: &str) -> String {
        let parsed = file(text);
        let mut lines: Vec<_> = parsed
            .file
            .instructions
            .iter()
            .map(instruction_line)
            .collect();
        lines.extend(parsed.diagnostics.iter().map(|diagnostic| {
            let place = diagnostic.locations.first().copied().unwrap_or_default();
            format!("{place} {}: {diagnostic}", diagnostic.severity)
        }));
        lines.join("\n")
    }

    fn instruction_line(instruction: &Instruction) -> String {
        let mut line = format!("{} {:?}", instruction.lines, instruction.original);
        for heredoc in &instruction.heredocs {
            line.push_str(&format!(" <<{} {:?}", heredoc.name, heredoc.content));
        }
        for comment in &instruction.comments {
            line.push_str(&format!(" # {comment}"));
        }
        line
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(summary(text), expected.join("\n"), "{text}");
    }

    #[test]
    fn a_line_goes_on_while_it_ends_with_the_escape_character() {
        check(
            "RUN a \\\n  b \\ \t\r\nc\r\nRUN d",
            &["1-3 \"RUN a   b c\"", "4 \"RUN d\""],
        );
        check("RUN a \\\\\nRUN b", &[r#"1 "RUN a \\\\""#, "2 \"RUN b\""]);
        check("RUN a \\\n# no\n  # no\nb", &["1-4 \"RUN a b\""]);
        check("RUN a \\", &["1 \"RUN a \""]);
        check("\\\nRUN a", &["1-2 \"RUN a\""]);
        check(
            "# escape=`\nRUN a `\nb \\\nRUN c",
            &["2-3 \"RUN a b \\\\\"", "4 \"RUN c\""],
        );
    }

    #[test]
    fn an_empty_line_in_a_continuation_is_warned_about_on_the_last_line() {
        check(
            "FROM a\nRUN b \\\n\n \nc\n\nRUN d",
            &[
                "1 \"FROM a\"",
                "2-5 \"RUN b c\"",
                "7 \"RUN d\"",
                "5 warning: Empty continuation line found in: RUN b c",
            ],
        );
    }

    #[test]
    fn comments_stay_until_an_instruction_or_an_empty_one() {
        check(
            "# syntax=x\n# a\n\n#b\nFROM a\nRUN b \\\n# c\nd\n# e\n#\n  # f\nRUN g # h\n# i",
            &[
                "5 \"FROM a\" # a # b",
                "6-8 \"RUN b d\"",
                "12 \"RUN g # h\" # # f",
            ],
        );
    }

    #[test]
    fn the_comments_at_the_top_are_kept_with_their_lines() {
        let text = "# check=skip=all\n# fal: a\n\n #\n  ## b\nFROM a\n# c\nRUN d";
        let comments = file(text).file.comments;
        let comments: Vec<_> = comments
            .iter()
            .map(|(at, text)| (at.start, &**text))
            .collect();
        assert_eq!(comments, [(2, "fal: a"), (4, ""), (5, "# b")]);
        assert_eq!(file("\\\nFROM a\n# b").file.comments, []);
    }

    #[test]
    fn directives_end_with_the_first_line_that_is_none() {
        let escape = |text: &str| file(text).file.escape;
        assert_eq!(escape("#ESCAPE = `\nFROM a"), '`');
        assert_eq!(escape("\u{feff}  # escape=`\nFROM a"), '`');
        assert_eq!(escape("# syntax=x\n# escape=`"), '`');
        assert_eq!(escape("# a\n# escape=`\nFROM a"), '\\');
        assert_eq!(escape("\n# escape=`\nFROM a"), '\\');
        assert_eq!(escape("# other=x\n# escape=`\nFROM a"), '\\');
        // The original reports the line before.
        check(
            "# syntax=x\n# escape=x\nFROM a",
            &[
                "3 \"FROM a\"",
                "1 error: invalid escape token 'x' does not match ` or \\",
            ],
        );
        check(
            "# check=a\n#check=b\nFROM a",
            &[
                "3 \"FROM a\"",
                "1 error: only one check parser directive can be used",
            ],
        );
    }

    #[test]
    fn heredocs_belong_to_their_instruction() {
        check(
            "RUN a <<A <<-\"B\"\n$a\r\n\tA\nA\r\n\tb\n\tB\nRUN c",
            &[
                r#"1-6 "RUN a <<A <<-\"B\"" <<A "$a\r\n\tA\n" <<B "\tb\n""#,
                "7 \"RUN c\"",
            ],
        );
        check(
            "ONBUILD COPY <<A /b\n# c\n\nA",
            &[r##"1-4 "ONBUILD COPY <<A /b" <<A "# c\n\n""##],
        );
        check("RUN a \\\n <<A\nb\nA", &["1-4 \"RUN a  <<A\" <<A \"b\\n\""]);
        check(
            "CMD a <<A\nRUN [\"<<A\"]",
            &["1 \"CMD a <<A\"", "2 \"RUN [\\\"<<A\\\"]\""],
        );
        check(
            "FROM a\nRUN b <<A\nc\nA c\n",
            &["1 \"FROM a\"", "2-4 error: unterminated heredoc"],
        );
    }

    #[test]
    fn what_cannot_be_read_is_placed_and_does_not_hide_the_rest() {
        check(
            "ENV a\nFROM b\nRUN \\\n[1]",
            &[
                "2 \"FROM b\"",
                "1 error: ENV must have two arguments",
                "3-4 error: when using JSON array syntax, arrays must be comprised of strings only",
            ],
        );
        check("", &["0 error: file with no instructions"]);
        check("# a\n\n", &["2 error: file with no instructions"]);
        let long = "b".repeat(70_000);
        let too_long = "error: dockerfile line greater than max allowed size of 65535";
        check(
            &format!("FROM a\nRUN {long}\n"),
            &["1 \"FROM a\"", &format!("1 {too_long}")],
        );
        check(
            &format!("FROM \\\n{long}\n"),
            &["1 \"FROM \"", &format!("2 {too_long}")],
        );
        check(
            &format!("FROM \\\nENV {long}\nRUN a\n"),
            &[
                "1 \"FROM \"",
                "2 error: ENV must have two arguments",
                &format!("2 {too_long}"),
            ],
        );
    }

    #[test]
    fn a_trigger_is_an_instruction_but_not_without_end() {
        let trigger = |text: &str| match file(text).file.instructions.pop().map(|it| it.arguments) {
            Some(Arguments::Trigger(trigger)) => *trigger,
            other => panic!("{other:?}"),
        };
        let run = trigger("ONBUILD --x RUN --y z");
        assert_eq!(run.keyword, "RUN");
        assert_eq!(run.flags, ["--y"]);
        assert_eq!(run.arguments, Arguments::Line("z".to_owned()));
        let onbuild = trigger("ONBUILD onbuild RUN a");
        assert_eq!(onbuild.keyword, "onbuild");
        assert_eq!(onbuild.arguments, Arguments::Line("RUN a".to_owned()));
        let deep = format!("ONBUILD {}ENV a", "ONBUILD \\\n".repeat(100_000));
        assert_eq!(
            summary(&deep),
            "1-100001 error: ENV must have two arguments"
        );
    }
}
