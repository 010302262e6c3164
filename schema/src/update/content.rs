//! What an item holds, by the kinds of yjs's `contentRefs`.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::piece::Content;
use super::{UnsupportedContent, UpdateRefused, Walk};

/// The info byte of a garbage-collected struct.
pub(super) const GARBAGE: u8 = 0;
/// The info byte of a gap.
pub(super) const SKIP: u8 = 10;

impl Walk<'_> {
    /// Reads content of a kind and returns its length in clocks with what matters of it.
    pub(super) fn content(&mut self, kind: u8) -> Result<(u64, Content), UpdateRefused> {
        match kind {
            1 => return self.reader.uint().map(|length| (length, Content::Deleted)),
            3 => drop(self.reader.buffer()?),
            4 => return self.reader.text().map(|text| (text.encode_utf16().count() as u64, Content::Text)),
            5 => self.json()?,
            6 => {
                self.reader.skip_text()?;
                self.json()?;
                return Ok((1, Content::Format));
            }
            7 => return self.shared_type().map(|type_ref| (1, Content::Type(type_ref))),
            8 => return self.values().map(|count| (count, Content::Other)),
            GARBAGE | SKIP => return Err(self.reader.malformed("a struct without content has an item's flags")),
            2 => return Err(UpdateRefused::Unsupported(UnsupportedContent::LegacyJson)),
            9 => return Err(UpdateRefused::Unsupported(UnsupportedContent::SubDocument)),
            11 => return Err(UpdateRefused::Unsupported(UnsupportedContent::Move)),
            _ => return Err(UpdateRefused::Unsupported(UnsupportedContent::ContentKind(kind))),
        }
        Ok((1, Content::Other))
    }

    /// `ContentType.write`: array, map, text, XML element (with its name), XML fragment, XML text.
    fn shared_type(&mut self) -> Result<u8, UpdateRefused> {
        let unsupported = match self.reader.byte()? {
            known @ (0 | 1 | 2 | 4 | 6) => return Ok(known),
            element @ 3 => return self.reader.skip_text().map(|()| element),
            5 => UnsupportedContent::XmlHook,
            7 => UnsupportedContent::WeakLink,
            other => UnsupportedContent::TypeRef(other),
        };
        Err(UpdateRefused::Unsupported(unsupported))
    }

    /// `ContentAny`: a count and as many values.
    fn values(&mut self) -> Result<u64, UpdateRefused> {
        let count = self.reader.uint()?;
        for _ in 0..count {
            self.value(0)?;
        }
        Ok(count)
    }

    /// lib0's `writeAny`.
    fn value(&mut self, depth: usize) -> Result<(), UpdateRefused> {
        self.count_element()?;
        if depth >= self.limits.value_depth_max {
            return Err(UpdateRefused::OverLimit { what: "levels of values", limit: self.limits.value_depth_max });
        }
        match self.reader.byte()? {
            // undefined, null, true, false
            127 | 126 | 121 | 120 => {}
            125 => self.reader.skip_int()?,
            124 => drop(self.reader.take(4)?),
            // a double, a bigint
            123 | 122 => drop(self.reader.take(8)?),
            119 => self.reader.skip_text()?,
            118 => {
                let (entries, start) = (self.reader.uint()?, self.reader.position());
                for _ in 0..entries {
                    self.reader.skip_text()?;
                    self.value(depth + 1)?;
                }
                if entries > 1 {
                    self.keyed.push(start..self.reader.position());
                }
            }
            117 => {
                for _ in 0..self.reader.uint()? {
                    self.value(depth + 1)?;
                }
            }
            116 => drop(self.reader.buffer()?),
            _ => return Err(self.reader.malformed("a value has no known type")),
        }
        Ok(())
    }

    /// The v1 encoding writes embeds and the values of formats as JSON text.
    fn json(&mut self) -> Result<(), UpdateRefused> {
        let text = self.reader.text()?;
        let mut values = 0;
        let mut json = serde_json::Deserializer::from_str(text);
        WellFormed { depth_left: self.limits.value_depth_max, values: &mut values }
            .deserialize(&mut json)
            .and_then(|()| json.end())
            .map_err(|_| self.reader.malformed("a value is not JSON, or too deep"))?;
        if text.contains('{') {
            let end = self.reader.position();
            self.keyed.push(end - text.len()..end);
        }
        self.count_elements(values)
    }
}

/// Reads any JSON value that yrs's `Any` can hold, keeps nothing, and counts the values.
struct WellFormed<'a> {
    depth_left: usize,
    values: &'a mut usize,
}

impl WellFormed<'_> {
    fn inner<E: Error>(&mut self) -> Result<WellFormed<'_>, E> {
        let depth_left = self.depth_left.checked_sub(1).ok_or_else(|| E::custom("too deep"))?;
        Ok(WellFormed { depth_left, values: self.values })
    }
}

impl<'de> DeserializeSeed<'de> for WellFormed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        *self.values += 1;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for WellFormed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        i64::try_from(number).map(drop).map_err(E::custom)
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self.inner()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(self.inner()?)?.is_some() {
            map.next_value_seed(self.inner()?)?;
        }
        Ok(())
    }
}
