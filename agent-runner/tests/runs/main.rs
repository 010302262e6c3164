//! Runs of agents on a real server and database, with models of which the tests know every word.

mod exactly_once;
mod failures;
mod people;
mod provider;
mod steering;
mod world;
