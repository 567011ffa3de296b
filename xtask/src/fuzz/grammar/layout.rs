//! Instructions to text: directives, comments, blanks, continuations, line ends.

use super::{Line, Writer};

impl Writer<'_> {
    pub(super) fn layout(&mut self, lines: Vec<Line>) -> Vec<u8> {
        let mut text = String::new();
        if self.percent(20) {
            text = self.directives();
        }
        for line in lines {
            if self.percent(6) {
                text += self.pick(&[
                    "\n",
                    "# comment\n",
                    "#\n",
                    "  # syntax=x\n",
                    "\t\n",
                    " \n",
                    "# check=skip=all\n",
                    "#escape=`\n",
                    "# base is described\n",
                ]);
            }
            let written = self.line(&line.text);
            text += &written;
            text += &match self.percent(96) {
                true => "\n".to_owned(),
                false => self.choose(
                    &[" \n", "\t\n", "\r\n", "\n\n"],
                    &["\u{b}\n", "\u{a0}\n", "\\\n"],
                ),
            };
            text.extend(line.bodies);
        }
        if self.percent(10) {
            text.truncate(text.trim_end().len());
        }
        self.bytes(text)
    }

    /// The first lines, which say how the others are to be read.
    fn directives(&mut self) -> String {
        let mut text = self
            .pick(&["", "", "", "", "#!/usr/bin/env docker\n", "\n"])
            .to_owned();
        for _ in 0..=self.below(2) {
            text += match self.below(10) {
                0..3 => {
                    let escape = self.choose(
                        &[
                            "# escape=`\n",
                            "# escape=`\n",
                            "#escape = `\n",
                            "# ESCAPE=\\\n",
                            "# escape=\n",
                        ],
                        &["# escape=x\n", "//escape=`\n"],
                    );
                    if escape.contains('`') && escape.starts_with('#') {
                        self.escape = '`';
                    }
                    escape
                }
                3..6 => self.choose(
                    &[
                        "# check=skip=all\n",
                        "# check=experimental=all\n",
                        "# check=skip=\n",
                        "# check=skip=a;skip=b\n",
                        "# check=experimental=InvalidDefinitionDescription;skip=none\n",
                        "# CHECK=skip=all\n",
                        "# check=skip=StageNameCasing,JSONArgsRecommended;error=false\n",
                    ],
                    &[
                        "# check=error=true\n",
                        "# check=skip=StageNameCasing,JSONArgsRecommended;error=true\n",
                        "# check=error=x\n",
                        "# check=foo=bar\n",
                        "# check=\n",
                        "#check= skip = all ; error = 1\n",
                        "# check=;\n",
                    ],
                ),
                6..8 => self.choose(
                    &[
                        "# syntax=docker/dockerfile:1\n",
                        "# syntax=docker/dockerfile\n",
                        "# Syntax = x/y z\n",
                        "# syntax=\n",
                        "#syntax=docker/dockerfile:1.7-labs\n",
                        "# syntax=a/b # c\n",
                    ],
                    &["// syntax=a/b\n", "{\"syntax\": \"a/b\"}\n"],
                ),
                _ => self.choose(
                    &[
                        "# unknown=x\n",
                        "# comment\n",
                        "#\n",
                        "# a b=c\n",
                        "# a=\n",
                        "#=x\n",
                        "# ü=x\n",
                    ],
                    &[" # escape=`\n"],
                ),
            }
            .as_str();
        }
        text
    }

    /// An instruction with its keyword in some case and its blanks in some width, on one line or on several.
    fn line(&mut self, text: &str) -> String {
        let (keyword, rest) = text.split_once(' ').unwrap_or((text, ""));
        let keyword = match self.below(12) {
            0 => keyword.to_lowercase(),
            1 => {
                let (first, others) =
                    keyword.split_at(keyword.chars().next().map_or(0, char::len_utf8));
                first.to_owned() + &others.to_lowercase()
            }
            _ => keyword.to_owned(),
        };
        let mut out = self
            .pick(&["", "", "", "", "", "", "", " ", "\t", "  "])
            .to_owned();
        out += &keyword;
        if text.contains(' ') {
            out += self.pick(&[" ", " ", " ", " ", " ", " ", "  ", "\t"]);
        }
        if !self.percent(15) {
            return out + rest;
        }
        let escape = self.escape;
        for (number, word) in rest.split(' ').enumerate() {
            if number > 0 {
                out.push(' ');
            }
            if self.percent(25) {
                out.push(escape);
                out += self.pick(&[
                    "\n",
                    "\n",
                    "\n",
                    "  \n",
                    "\r\n",
                    "\n\n",
                    "\n# comment\n",
                    "\n  # comment\n",
                    "\n\t",
                    "\n   ",
                    "\n#\n",
                    " \t\n",
                ]);
            }
            out += word;
        }
        if self.errs() {
            out.push(escape);
        }
        out
    }

    /// The bytes of the file, sometimes damaged.
    fn bytes(&mut self, text: String) -> Vec<u8> {
        let mut bytes = match self.percent(4) {
            true => text.replace('\n', "\r\n").into_bytes(),
            false => text.into_bytes(),
        };
        if self.percent(2) {
            bytes.splice(0..0, *b"\xef\xbb\xbf");
        }
        if self.errs() && self.percent(20) && !bytes.is_empty() {
            let place = self.below(bytes.len());
            bytes[place] = [0xff, 0, 0x80, b'\r', b'\n', b'\t'][self.below(6)];
        }
        bytes
    }
}
