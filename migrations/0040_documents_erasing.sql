-- What is to be erased (0037). Made by itself: it reads all documents, which can be read meanwhile.
CREATE INDEX documents_erasing ON documents (org_id, id) WHERE erasing_since IS NOT NULL;
