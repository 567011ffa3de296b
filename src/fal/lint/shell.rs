//! Lines of a shell as commands.
//!
//! Takes what a RUN runs; gives the words of each simple command, quotes resolved, nothing expanded. It is no shell: what it cannot
//! tell apart it takes for words, and rules look only for words that they know. Linear in the length of the text.

/// What one program is started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// `NAME=value` before the program.
    pub(super) assignments: Vec<String>,
    /// The program and its arguments.
    pub(super) words: Vec<String>,
    /// Files that its output goes to.
    pub(super) outputs: Vec<String>,
}

/// Words after which a command begins.
const KEYWORDS: [&str; 12] = [
    "!", "do", "elif", "else", "exec", "if", "nice", "sudo", "then", "time", "while", "{",
];

/// Every simple command of a script.
pub(super) fn commands(script: &str) -> Vec<Command> {
    read(script, false)
}

fn read(script: &str, is_within: bool) -> Vec<Command> {
    let mut reader = Reader {
        is_within,
        ..Reader::default()
    };
    let mut characters = script.chars().peekable();
    while let Some(c) = characters.next() {
        match (reader.quote, c) {
            (None, '\\') | (Some('"'), '\\') => match characters.next() {
                Some('\n') | None => {}
                Some(next) => reader.push(next),
            },
            (Some(quote), _) if quote == c => reader.quote = None,
            (Some(_), _) => reader.push(c),
            (None, '\'' | '"') => {
                reader.quote = Some(c);
                reader.word.get_or_insert_default();
            }
            (None, '#') if reader.word.is_none() => {
                while characters.next_if(|c| *c != '\n').is_some() {}
            }
            (None, '&') if characters.peek() == Some(&'>') => reader.end_word(),
            (None, '>') => {
                // What stands before it is the number of a stream, if it is a number.
                if reader.word.as_deref().is_some_and(is_number) {
                    reader.word = None;
                }
                reader.end_word();
                while characters.next_if(|c| matches!(c, '>' | '|')).is_some() {}
                reader.redirect = match characters.next_if(|c| *c == '&') {
                    Some(_) => Redirect::Ignored,
                    None => Redirect::Output,
                };
            }
            (None, '<') => {
                reader.end_word();
                while characters
                    .next_if(|c| matches!(c, '<' | '-' | '&'))
                    .is_some()
                {}
                reader.redirect = Redirect::Ignored;
            }
            (None, ';' | '&' | '|' | '\n' | '(' | ')' | '`') => reader.end_command(),
            (None, '$') if characters.peek() == Some(&'(') => reader.end_word(),
            (None, c) if c.is_whitespace() => reader.end_word(),
            (None, c) => reader.push(c),
        }
    }
    reader.end_command();
    reader.commands
}

/// A command that is given as words.
pub(super) fn of_words(words: &[String]) -> Vec<Command> {
    match script_of(words) {
        Some(script) => read(script, true),
        None => vec![Command {
            words: words.to_vec(),
            ..Command::default()
        }],
    }
}

/// The script of a shell that is given one: what is run is what stands in it.
fn script_of(words: &[String]) -> Option<&str> {
    match words {
        [shell, flag, script]
            if is_shell(shell) && flag.starts_with('-') && flag.ends_with('c') =>
        {
            Some(script)
        }
        _ => None,
    }
}

/// The name of a program without the folder that it is in.
pub(super) fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn is_shell(program: &str) -> bool {
    matches!(name(program), "sh" | "bash" | "dash" | "ash" | "zsh")
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Where the next word goes.
#[derive(Default, Clone, Copy, PartialEq)]
enum Redirect {
    #[default]
    None,
    Output,
    Ignored,
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    commands: Vec<Command>,
    command: Command,
    word: Option<String>,
    quote: Option<char>,
    redirect: Redirect,
    /// Whether this is the script of a shell in another script; one in this one is read no further.
    is_within: bool,
}

impl Reader {
    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else {
            return;
        };
        let command = &mut self.command;
        match std::mem::take(&mut self.redirect) {
            Redirect::Output => command.outputs.push(word),
            Redirect::Ignored => {}
            Redirect::None if !command.words.is_empty() => command.words.push(word),
            Redirect::None if KEYWORDS.contains(&word.as_str()) => {}
            Redirect::None if word == "env" => {}
            Redirect::None if is_assignment(&word) => command.assignments.push(word),
            Redirect::None => command.words.push(word),
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.redirect = Redirect::None;
        let command = std::mem::take(&mut self.command);
        if command == Command::default() {
            return;
        }
        match script_of(&command.words).filter(|_| !self.is_within) {
            Some(script) => self.commands.extend(read(script, true)),
            None => self.commands.push(command),
        }
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_commands_of_words() {
        for (script, expected) in [
            ("a b && c  d;e|f & g", "a b/c d/e/f/g"),
            ("a 'b c' \"d\\\"e\" f\\ g ''", "a b c d\"e f g /"),
            ("A=1 B=2 sudo a # c && d\nb", "a/b"),
            ("if a; then b; fi; (c)", "a/b/fi/c"),
            ("a >b 2>&1 2>/dev/null >>c <<EOF d", "a d"),
            ("pip install numpy>=1.2 x", "pip install numpy x"),
            ("a $(b c) d", "a/b c/d"),
            ("bash -lc 'a b && c' && d", "a b/c/d"),
            ("sh -c \"sh -c 'a b'\"", "sh -c a b"),
            ("a \\\n b", "a b"),
            ("a 'b", "a b"),
            ("", ""),
        ] {
            let words = commands(script).into_iter().map(|it| it.words.join(" "));
            let found = words.collect::<Vec<_>>().join("/");
            assert_eq!(
                found.trim_end_matches('/'),
                expected.trim_end_matches('/'),
                "{script}"
            );
        }
        let [command] = &commands("A=1 curl x > /y 2>&1")[..] else {
            panic!("one command");
        };
        assert_eq!(command.assignments, ["A=1"]);
        assert_eq!(command.outputs, ["/y"]);
    }
}
