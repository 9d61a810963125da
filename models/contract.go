package models

import (
	"context"
	"fmt"
	"strings"

	"example.org/mandat/mail/rights"
)

// mailRoles are the roles of the mail servers with the schema of each, all of
// which they read, and the rights that they need there beyond that.
var mailRoles = []struct {
	role, schema string
	rights       []string
}{
	{"mandat_postfix", "mta", nil},
	{"mandat_dovecot", "mda", rights.Dovecot},
	{"mandat_lists", "mlist", rights.Lists},
}

// ContractFault is what hinders a mail server from reading the panel's views.
type ContractFault struct {
	Role string
	What string // in English, for the operator
}

// ContractFaults looks at the roles of the mail servers: they exist, may sign
// in, may read every view of their schema and do with them what they need to, and
// see nothing of the panel's. There are none on the embedded database, which no mail
// server reads.
func (s *Store) ContractFaults(ctx context.Context) (faults []ContractFault, err error) {
	if s.Embedded() {
		return nil, nil
	}
	for _, r := range mailRoles {
		var found []struct {
			Enters, Sees    bool
			Unread, Missing string
		}
		err := s.db.WithContext(ctx).Raw(`SELECT r.rolcanlogin AS enters, has_schema_privilege(r.rolname, 'panel', 'USAGE') AS sees,
			(SELECT COALESCE(string_agg(w.need, ', '), '') FROM unnest(string_to_array(@rights, ',')) AS w (need)
				WHERE NOT has_table_privilege(r.rolname, split_part(w.need, ' ', 1), split_part(w.need, ' ', 2))) AS missing,
			(SELECT COALESCE(min(v.schemaname || '.' || v.viewname), '') FROM pg_views v WHERE v.schemaname = @schema
				AND NOT (has_schema_privilege(r.rolname, v.schemaname, 'USAGE') AND has_table_privilege(r.rolname, v.schemaname || '.' || v.viewname, 'SELECT'))) AS unread
			FROM pg_roles r WHERE r.rolname = @role`, map[string]any{"role": r.role, "schema": r.schema, "rights": strings.Join(r.rights, ",")}).Scan(&found).Error
		if err != nil {
			return nil, err
		}
		switch {
		case len(found) == 0:
			faults = append(faults, ContractFault{r.role, "the role does not exist"})
		case !found[0].Enters:
			faults = append(faults, ContractFault{r.role, "the role has no password and may not sign in"})
		case found[0].Unread != "":
			faults = append(faults, ContractFault{r.role, fmt.Sprintf("the role may not read %s", found[0].Unread)})
		case found[0].Missing != "":
			faults = append(faults, ContractFault{r.role, fmt.Sprintf("the role may not: %s", found[0].Missing)})
		case found[0].Sees:
			faults = append(faults, ContractFault{r.role, "the role sees the panel's own tables, which are none of its business"})
		}
	}
	return faults, nil
}

// Specimen is an address of an account that mail is delivered to, for questions
// to the mail servers, of a service without a catch-all if there is one; "" when
// there is none yet. caught says that its service has a catch-all.
func (s *Store) Specimen(ctx context.Context) (address string, caught bool, err error) {
	var found struct {
		Address string
		Caught  bool
	}
	err = s.db.WithContext(ctx).Raw(`SELECT a.address, EXISTS (SELECT 1 FROM redirections r WHERE r.service_id = s.id AND r.local_part = '') AS caught
		FROM accounts a JOIN services s ON s.id = a.service_id WHERE s.receives AND a.state = 'active' ORDER BY 2, a.id LIMIT 1`).Scan(&found).Error
	return found.Address, found.Caught, err
}

// attachedMarker is the fact that a mail server reads this database.
const attachedMarker = "mail server"

// Attach writes down that a mail server reads this database, when this store has
// a way to one. From then on every process needs it: see Detached.
func (s *Store) Attach(ctx context.Context) error {
	if !s.Attached() {
		return nil
	}
	return s.SetMarker(ctx, attachedMarker, "attached")
}

// Detached says that a mail server reads this database and this store has no way
// to it: what it changed would end no session and remove no mailbox.
func (s *Store) Detached(ctx context.Context) (bool, error) {
	if s.Embedded() || s.Attached() {
		return false, nil
	}
	value, err := s.Marker(ctx, attachedMarker)
	return value != "", err
}

// Detach takes it back, for an installation that has no mail server any more.
func (s *Store) Detach(ctx context.Context) error {
	return s.db.WithContext(ctx).Exec("DELETE FROM markers WHERE name = ?", attachedMarker).Error
}
