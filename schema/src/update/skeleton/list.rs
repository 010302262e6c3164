//! Lists: the children of a type, or the values that a key of it had.

use std::sync::Arc;

use super::journal::Change;
use super::run::{Kind, NONE};
use super::{Client, Skeleton};

/// What a list belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A root type, by the number of its name.
    Root(u32),
    /// The type in this run.
    Type(u32),
}

/// Names a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ListKey {
    pub(super) owner: Owner,
    /// The number of the key's name.
    pub(super) key: Option<u32>,
}

/// Items in their order.
#[derive(Debug)]
pub(super) struct List {
    pub(super) key: ListKey,
    pub(super) has_key: bool,
    /// The first run.
    pub(super) first: u32,
    pub(super) runs: u32,
    /// How many types it is nested in.
    pub(super) depth: u32,
    /// The kind of the type that it belongs to. Roots have none.
    type_ref: Option<u8>,
}

impl List {
    /// Whether these are the values of an array or the children of an XML element or fragment.
    pub(super) fn holds_no_text(&self) -> bool {
        const ARRAY: u8 = 0;
        const XML_ELEMENT: u8 = 3;
        const XML_FRAGMENT: u8 = 4;
        !self.has_key && matches!(self.type_ref, Some(ARRAY | XML_ELEMENT | XML_FRAGMENT))
    }
}

impl Skeleton {
    /// The number of a client.
    pub(super) fn client(&mut self, id: u64) -> u32 {
        if let Some(client) = self.client_by_id.get(&id) {
            return *client;
        }
        let client = number(self.clients.len());
        self.clients.push(Client { id, runs: Vec::new() });
        self.client_by_id.insert(id, client);
        self.journal.push(Change::Client);
        client
    }

    /// The number of a name.
    pub(super) fn name(&mut self, text: &str) -> u32 {
        if let Some(name) = self.name_by_text.get(text) {
            return *name;
        }
        let name = number(self.names.len());
        let text: Arc<str> = text.into();
        self.names.push(text.clone());
        self.name_by_text.insert(text, name);
        self.journal.push(Change::Name);
        name
    }

    /// The number of a list.
    pub(super) fn list(&mut self, key: ListKey) -> u32 {
        if let Some(list) = self.list_by_key.get(&key) {
            return *list;
        }
        let (depth, type_ref) = match key.owner {
            Owner::Root(_) => (0, None),
            Owner::Type(run) => {
                let run = &self.runs[run as usize];
                let type_ref = if let Kind::Type(type_ref) = run.kind { Some(type_ref) } else { None };
                (1 + self.lists[run.list as usize].depth, type_ref)
            }
        };
        let list = number(self.lists.len());
        self.lists.push(List { key, has_key: key.key.is_some(), first: NONE, runs: 0, depth, type_ref });
        self.list_by_key.insert(key, list);
        self.journal.push(Change::List);
        list
    }

    pub(super) fn forget_last_client(&mut self) {
        if let Some(client) = self.clients.pop() {
            self.client_by_id.remove(&client.id);
        }
    }

    pub(super) fn forget_last_name(&mut self) {
        if let Some(name) = self.names.pop() {
            self.name_by_text.remove(&name);
        }
    }

    pub(super) fn forget_last_list(&mut self) {
        if let Some(list) = self.lists.pop() {
            self.list_by_key.remove(&list.key);
        }
    }
}

fn number(length: usize) -> u32 {
    u32::try_from(length).expect("no process has memory for 2^32 of them")
}
