//! Yjs updates taken apart, so that single fields of them can be forged.

/// A client id and a clock.
pub type Id = (u64, u64);

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Update {
    pub sections: Vec<Section>,
    pub deletes: Vec<Deletes>,
}

/// What an update inserts under one client id.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    pub client: u64,
    pub clock: u64,
    pub structs: Vec<Struct>,
}

/// What an update deletes of one client id: starts and lengths.
#[derive(Clone, Debug, PartialEq)]
pub struct Deletes {
    pub client: u64,
    pub ranges: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Struct {
    Garbage(u64),
    Gap(u64),
    Item(Item),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub origin: Option<Id>,
    pub right_origin: Option<Id>,
    /// Written only without origins, like the key.
    pub parent: Parent,
    pub key: Option<String>,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Parent {
    Root(String),
    Type(Id),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Deleted(u64),
    Binary(Vec<u8>),
    Text(String),
    Embed(String),
    Format(String, String),
    /// A shared type, and an XML element's name.
    Type(u8, Option<String>),
    /// Values in lib0's encoding.
    Values(Vec<Vec<u8>>),
}

const XML_ELEMENT: u8 = 3;
const GAP: u8 = 10;

impl Content {
    pub fn length(&self) -> u64 {
        match self {
            Self::Deleted(length) => *length,
            Self::Text(text) => text.encode_utf16().count() as u64,
            Self::Values(values) => values.len() as u64,
            _ => 1,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Deleted(_) => 1,
            Self::Binary(_) => 3,
            Self::Text(_) => 4,
            Self::Embed(_) => 5,
            Self::Format(..) => 6,
            Self::Type(..) => 7,
            Self::Values(_) => 8,
        }
    }
}

impl Update {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        uint(&mut out, self.sections.len() as u64);
        for section in &self.sections {
            uint(&mut out, section.structs.len() as u64);
            uint(&mut out, section.client);
            uint(&mut out, section.clock);
            section.structs.iter().for_each(|one| one.encode(&mut out));
        }
        uint(&mut out, self.deletes.len() as u64);
        for deletes in &self.deletes {
            uint(&mut out, deletes.client);
            uint(&mut out, deletes.ranges.len() as u64);
            for (start, length) in &deletes.ranges {
                uint(&mut out, *start);
                uint(&mut out, *length);
            }
        }
        out
    }

    /// Takes an update apart. `None` for what no Yjs client writes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let sections = (0..reader.uint()?).map(|_| reader.section()).collect::<Option<_>>()?;
        let deletes = (0..reader.uint()?).map(|_| reader.deletes()).collect::<Option<_>>()?;
        Some(Self { sections, deletes })
    }

    /// The items in it.
    pub fn items(&mut self) -> impl Iterator<Item = &mut Item> {
        self.sections.iter_mut().flat_map(|section| &mut section.structs).filter_map(|one| match one {
            Struct::Item(item) => Some(item),
            _ => None,
        })
    }
}

impl Struct {
    fn encode(&self, out: &mut Vec<u8>) {
        let item = match self {
            Self::Garbage(length) => {
                out.push(0);
                return uint(out, *length);
            }
            Self::Gap(length) => {
                out.push(GAP);
                return uint(out, *length);
            }
            Self::Item(item) => item,
        };
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(item.origin.is_some(), 0x80) | flag(item.right_origin.is_some(), 0x40);
        out.push(item.content.kind() | flags | flag(item.key.is_some(), 0x20));
        item.origin.iter().chain(&item.right_origin).for_each(|origin| id(out, *origin));
        if flags == 0 {
            match &item.parent {
                Parent::Root(name) => {
                    uint(out, 1);
                    text(out, name);
                }
                Parent::Type(parent) => {
                    uint(out, 0);
                    id(out, *parent);
                }
            }
            item.key.iter().for_each(|key| text(out, key));
        }
        item.content.encode(out);
    }
}

impl Content {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Deleted(length) => uint(out, *length),
            Self::Binary(bytes) => {
                uint(out, bytes.len() as u64);
                out.extend(bytes);
            }
            Self::Text(string) | Self::Embed(string) => text(out, string),
            Self::Format(key, value) => {
                text(out, key);
                text(out, value);
            }
            Self::Type(kind, name) => {
                out.push(*kind);
                if *kind == XML_ELEMENT {
                    text(out, name.as_deref().unwrap_or("p"));
                }
            }
            Self::Values(values) => {
                uint(out, values.len() as u64);
                out.extend(values.iter().flatten());
            }
        }
    }
}

fn id(out: &mut Vec<u8>, (client, clock): Id) {
    uint(out, client);
    uint(out, clock);
}

fn text(out: &mut Vec<u8>, text: &str) {
    uint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn uint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn uint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..=49).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<String> {
        let length = self.uint()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    fn id(&mut self) -> Option<Id> {
        Some((self.uint()?, self.uint()?))
    }

    fn section(&mut self) -> Option<Section> {
        let (structs, client, clock) = (self.uint()?, self.uint()?, self.uint()?);
        let structs = (0..structs).map(|_| self.one_struct()).collect::<Option<_>>()?;
        Some(Section { client, clock, structs })
    }

    fn deletes(&mut self) -> Option<Deletes> {
        let (client, ranges) = (self.uint()?, self.uint()?);
        let ranges = (0..ranges).map(|_| self.id()).collect::<Option<_>>()?;
        Some(Deletes { client, ranges })
    }

    fn one_struct(&mut self) -> Option<Struct> {
        let info = self.byte()?;
        match info {
            0 => return self.uint().map(Struct::Garbage),
            GAP => return self.uint().map(Struct::Gap),
            _ => {}
        }
        let origin = if info & 0x80 == 0 { None } else { Some(self.id()?) };
        let right_origin = if info & 0x40 == 0 { None } else { Some(self.id()?) };
        let (mut parent, mut key) = (Parent::Root(String::new()), None);
        if info & 0xc0 == 0 {
            parent = if self.uint()? == 1 { Parent::Root(self.text()?) } else { Parent::Type(self.id()?) };
            key = if info & 0x20 == 0 { None } else { Some(self.text()?) };
        }
        let content = self.content(info & 0x1f)?;
        Some(Struct::Item(Item { origin, right_origin, parent, key, content }))
    }

    fn content(&mut self, kind: u8) -> Option<Content> {
        Some(match kind {
            1 => Content::Deleted(self.uint()?),
            3 => {
                let length = self.uint()?;
                Content::Binary(self.take(length)?.to_vec())
            }
            4 => Content::Text(self.text()?),
            5 => Content::Embed(self.text()?),
            6 => Content::Format(self.text()?, self.text()?),
            7 => {
                let kind = self.byte()?;
                Content::Type(kind, if kind == XML_ELEMENT { Some(self.text()?) } else { None })
            }
            8 => Content::Values((0..self.uint()?).map(|_| self.value()).collect::<Option<_>>()?),
            _ => return None,
        })
    }

    /// One value in lib0's encoding, as it is.
    fn value(&mut self) -> Option<Vec<u8>> {
        let start = self.0;
        match self.byte()? {
            125 => while self.byte()? & 0x80 != 0 {},
            124 => drop(self.take(4)?),
            123 | 122 => drop(self.take(8)?),
            119 | 116 => {
                let length = self.uint()?;
                self.take(length)?;
            }
            118 => {
                for _ in 0..self.uint()? {
                    self.text()?;
                    self.value()?;
                }
            }
            117 => {
                for _ in 0..self.uint()? {
                    self.value()?;
                }
            }
            _ => {}
        }
        Some(start[..start.len() - self.0.len()].to_vec())
    }
}
