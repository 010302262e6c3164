//! The names of Redis's channels.

use schema::ids::OrgId;
use uuid::Uuid;

use super::Topic;

/// The channels of one installation: several may share a Redis, under different prefixes.
#[derive(Debug)]
pub(super) struct Channels {
    prefix: String,
    control: String,
}

impl Channels {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), control: format!("{prefix}control") }
    }

    /// Where the instances' buses speak with each other.
    pub(super) fn control(&self) -> &str {
        &self.control
    }

    pub(super) fn name(&self, topic: Topic) -> String {
        let prefix = &self.prefix;
        match topic {
            Topic::Document(id) => format!("{prefix}document:{id}"),
            Topic::Access => format!("{prefix}access"),
            Topic::Events(org) => format!("{prefix}events:{org}"),
        }
    }

    pub(super) fn topic(&self, channel: &str) -> Option<Topic> {
        let name = channel.strip_prefix(self.prefix.as_str())?;
        match name.split_once(':') {
            Some(("document", id)) => Uuid::try_parse(id).ok().map(Topic::Document),
            Some(("events", id)) => Uuid::try_parse(id).ok().map(|id| Topic::Events(OrgId::new(id))),
            Some(_) => None,
            None => (name == "access").then_some(Topic::Access),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channels_name_leads_back_to_its_topic() {
        let channels = Channels::new("glassbox:");
        for topic in [Topic::Document(Uuid::from_u128(7)), Topic::Access, Topic::Events(OrgId::new(Uuid::from_u128(8)))]
        {
            assert_eq!(channels.topic(&channels.name(topic)), Some(topic));
        }
        assert_eq!(channels.name(Topic::Access), "glassbox:access");
    }

    #[test]
    fn other_channels_have_no_topic() {
        let channels = Channels::new("a:");
        for channel in
            ["", "a:", "b:access", "a:document:", "a:document:7", "a:access:", "a:events:", "a:x:7", channels.control()]
        {
            assert_eq!(channels.topic(channel), None, "{channel}");
        }
    }
}
