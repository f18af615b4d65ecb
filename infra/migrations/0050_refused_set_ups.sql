-- Set-ups that a server or a CRM refused are few among all that a log has, and are asked for by nothing but that.
create index log_refused_set_ups on log (at desc) where type in ('SetUpRefused', 'CrmSetUpRefused');
