//! `--device=name[,required]`

use crate::{
    diagnostic::Result,
    instruction::{
        messages,
        run::fields::{self, Field},
    },
};

/// A device of the daemon, by its CDI name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Device {
    /// `vendor.com/class=device`; nothing in it is replaced.
    pub name: String,
    /// Whether the build fails without it.
    pub required: bool,
}

const KEYS: [&str; 2] = ["name", "required"];

impl Device {
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut device = Self::default();
        for field in fields::split(text, "devices")? {
            device.set(field)?;
        }
        Ok(device)
    }

    /// `name=…`, `required`, `required=…`; the first field that is neither is the name, `=` and all.
    fn set(&mut self, field: Field) -> Result<()> {
        match (field.key.as_str(), field.value) {
            ("required", None) => self.required = true,
            ("required", Some(value)) => self.required = fields::boolean("required", &value)?,
            ("name", Some(_)) if !self.name.is_empty() => {
                return Err(messages::repeated_device_name(&self.name).into());
            }
            ("name", Some(value)) => self.name = value,
            _ if self.name.is_empty() => self.name = field.text,
            (_, None) => return Err(messages::field_without_value(&field.text).into()),
            (key, Some(_)) => return Err(messages::unknown_key(key, &field.text, &KEYS).into()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_a_name_that_may_be_required() {
        let cases = [
            ("a.com/b=c", "a.com/b=c"),
            ("a.com/b", "a.com/b"),
            ("a.com/b=c,required", "a.com/b=c required"),
            ("required=1,name=a", "a required"),
            ("NAME=a,Required=false", "a"),
            ("required", " required"),
            ("name=a,name=b", "device name already set to a"),
            ("a=b,name=c", "device name already set to a=b"),
            ("a,b", "invalid field 'b' must be a key=value pair"),
            (
                "a,Requird=1",
                "unexpected key 'requird' in 'Requird=1' (did you mean required?)",
            ),
            ("a,required=x", "invalid value for required: x"),
            ("", "failed to parse csv devices: EOF"),
        ];
        for (text, expected) in cases {
            let told = match Device::read(text) {
                Ok(device) => format!(
                    "{}{}",
                    device.name,
                    if device.required { " required" } else { "" }
                ),
                Err(error) => error.to_string(),
            };
            assert_eq!(told, expected, "{text}");
        }
    }
}
