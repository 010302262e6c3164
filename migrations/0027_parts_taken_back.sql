-- What is taken back in a part of a document comes back in that part only.
ALTER TABLE document_undone ADD COLUMN part text;   -- null: in all of the document
