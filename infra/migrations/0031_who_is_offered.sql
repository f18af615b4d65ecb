-- The records that were merged into another one, few of very many.
create index on records (crm, merged_into) where merged_into is not null;
