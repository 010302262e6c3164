//! Finding nodes and files by what they say: how texts are cut, for the tables in `db::search` (pure).

pub mod passages;
pub mod words;
