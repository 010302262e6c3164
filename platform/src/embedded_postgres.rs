//! Postgres, run by GlassBox itself.
