package models

import (
	"context"
	"fmt"
)

// mailRoles are the roles of the mail servers, each with a view of its own
// schema that tells whether it may read there.
var mailRoles = []struct{ role, view string }{
	{"mandat_postfix", "mta.aliases"},
	{"mandat_dovecot", "mda.userdb"},
	{"mandat_lists", "mlist.messages"},
}

// ContractFault is what hinders a mail server from reading the panel's views.
type ContractFault struct {
	Role string
	What string // in English, for the operator
}

// ContractFaults looks at the roles of the mail servers: they exist, may sign
// in, and may read what is theirs and nothing else. There are none on the
// embedded database, which no mail server reads.
func (s *Store) ContractFaults(ctx context.Context) (faults []ContractFault, err error) {
	if s.Embedded() {
		return nil, nil
	}
	for _, r := range mailRoles {
		var found []struct {
			Canlogin, Reads, Sees bool
		}
		err := s.db.WithContext(ctx).Raw(`SELECT r.rolcanlogin AS canlogin, has_schema_privilege(r.rolname, split_part(?, '.', 1), 'USAGE') AND has_table_privilege(r.rolname, ?, 'SELECT') AS reads,
			has_schema_privilege(r.rolname, 'panel', 'USAGE') AS sees FROM pg_roles r WHERE r.rolname = ?`, r.view, r.view, r.role).Scan(&found).Error
		if err != nil {
			return nil, err
		}
		switch {
		case len(found) == 0:
			faults = append(faults, ContractFault{r.role, "the role does not exist"})
		case !found[0].Canlogin:
			faults = append(faults, ContractFault{r.role, "the role has no password and may not sign in"})
		case !found[0].Reads:
			faults = append(faults, ContractFault{r.role, fmt.Sprintf("the role may not read %s", r.view)})
		case found[0].Sees:
			faults = append(faults, ContractFault{r.role, "the role sees the panel's own tables, which are none of its business"})
		}
	}
	return faults, nil
}

// Specimen is an address of an account that mail is delivered to, for questions
// to the mail servers; "" when there is none yet.
func (s *Store) Specimen(ctx context.Context) (address string, err error) {
	err = s.db.WithContext(ctx).Raw("SELECT a.address FROM accounts a JOIN services s ON s.id = a.service_id WHERE s.receives AND a.state = 'active' ORDER BY a.id LIMIT 1").Scan(&address).Error
	return address, err
}
