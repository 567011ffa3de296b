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
            let Some(line) = self.lines.next() else {
                // The original counts the line that it does not read.
                self.number += u32::from(self.lines.stopped);
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
        if self.lines.stopped {
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
