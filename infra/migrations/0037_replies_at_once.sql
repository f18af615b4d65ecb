-- What answers a message is looked up for each of a thousand messages in one transaction. New entries of the index may not wait in
-- a list beside it, all of which every look-up would read.
alter index mail_expr_idx set (fastupdate = off);
select gin_clean_pending_list('mail_expr_idx');
