//! The one test binary.

mod syntax; // the language, against the data of the original and against laws
