package models

import "context"

// HistoryWeakness says, in English, by what the role that this store signs in
// with could alter the history; "" if by nothing. An embedded file is as strong
// as the rights on it, of which this says nothing.
func (s *Store) HistoryWeakness(ctx context.Context) (weakness string, err error) {
	if s.Embedded() {
		return "", nil
	}
	err = s.db.WithContext(ctx).Raw(`SELECT CASE
		WHEN r.rolsuper THEN 'the role ' || r.rolname || ' is a superuser'
		WHEN r.rolcreaterole THEN 'the role ' || r.rolname || ' may make roles, and so become the owner'
		WHEN pg_has_role(r.oid, c.relowner, 'MEMBER') THEN 'the role ' || r.rolname || ' owns the history'
		WHEN has_any_column_privilege(r.oid, c.oid, 'UPDATE') OR has_table_privilege(r.oid, c.oid, 'DELETE, TRUNCATE, TRIGGER') THEN 'the role ' || r.rolname || ' may change or delete events'
		WHEN (SELECT count(*) FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgname LIKE 'event_never_%' AND g.tgenabled IN ('O', 'A')) < 3 THEN 'the triggers that refuse it are gone or switched off'
		ELSE '' END FROM pg_roles r, pg_class c WHERE r.rolname = session_user AND c.oid = to_regclass(@events)`,
		map[string]any{"events": schema + ".events"}).Scan(&weakness).Error
	return weakness, err
}
