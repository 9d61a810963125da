package models

import (
	"context"
	"math"
)

// The operator's verbs on services. They are commands, never routes.

// ServiceLimits are what the operator grants a service. A nil field stays as it is.
type ServiceLimits struct {
	MaxAccounts     *int
	MaxBytes        *int64 // all accounts together
	MaxAccountBytes *int64 // one account
	MaxRedirections *int
	MaxResponders   *int
	MaxLists        *int
	MaxSubscribers  *int // one list
}

// Defaults of a new service; the columns of 00003_mail.sql have the last four too.
const (
	DefaultMaxAccounts     = 100
	DefaultMaxBytes        = 500 * GB
	DefaultMaxAccountBytes = 5 * GB
	DefaultMaxRedirections = 500
	DefaultMaxResponders   = 100
	DefaultMaxLists        = 20
	DefaultMaxSubscribers  = 5000
)

// NewService is a service to make.
type NewService struct {
	Domain string // U-label or A-label
	Owner  string // identifier
	Limits ServiceLimits
}

// A countLimit is one limit on a number of things: as given, in the service, and
// how many there are.
type countLimit struct {
	field, refusal string
	given, most    *int
	used           int
}

func (l ServiceLimits) counts(s *Service) []countLimit {
	paid := s.AccountCount
	if s.postmaster {
		paid--
	}
	return []countLimit{
		{"max_accounts", "service.limit.accounts", l.MaxAccounts, &s.MaxAccounts, paid},
		{"max_redirections", "service.limit.redirections", l.MaxRedirections, &s.MaxRedirections, s.RedirectionCount},
		{"max_responders", "service.limit.responders", l.MaxResponders, &s.MaxResponders, s.ResponderCount},
		{"max_lists", "service.limit.lists", l.MaxLists, &s.MaxLists, s.ListCount},
		{"max_subscribers", "service.limit.subscribers", l.MaxSubscribers, &s.MaxSubscribers, s.largestList},
	}
}

// apply sets the limits that are given, and refuses what is below what is in use.
func (l ServiceLimits) apply(s *Service) error {
	bad := Invalid{}
	for _, c := range l.counts(s) {
		if c.given != nil {
			*c.most = *c.given
		}
		if *c.most < c.used || *c.most < 0 {
			bad.Add(c.field, c.refusal, "Count", c.used)
		} else if *c.most > math.MaxInt32 {
			bad.Add(c.field, "service.limit.most", "Most", math.MaxInt32)
		}
	}
	if l.MaxBytes != nil {
		s.MaxBytes = *l.MaxBytes
	}
	if l.MaxAccountBytes != nil {
		s.MaxAccountBytes = *l.MaxAccountBytes
	}
	if s.MaxBytes < MinSizeBytes || s.MaxBytes < s.AllottedBytes {
		bad.Add("max_gb", "service.limit.total", "Allotted", s.AllottedBytes)
	}
	if s.MaxAccountBytes < MinSizeBytes {
		bad.Add("max_account_gb", "service.limit.account", "Least", int64(MinSizeBytes))
	}
	return bad.orNil()
}

// changed are the limits that differ from those of was.
func (sv *Service) changed(was *Service) Detail {
	detail := Detail{}
	before := ServiceLimits{}.counts(was)
	for i, c := range (ServiceLimits{}).counts(sv) {
		if *before[i].most != *c.most {
			detail[c.field] = Change{Before: *before[i].most, After: *c.most}
		}
	}
	if was.MaxBytes != sv.MaxBytes {
		detail["max_size"] = Change{Before: was.MaxBytes, After: sv.MaxBytes}
	}
	if was.MaxAccountBytes != sv.MaxAccountBytes {
		detail["max_account_size"] = Change{Before: was.MaxAccountBytes, After: sv.MaxAccountBytes}
	}
	return detail
}

// AddService makes a service with its owner.
func (s *Store) AddService(ctx context.Context, n NewService) (*Service, error) {
	bad := Invalid{}
	domain, problem := ParseDomain(n.Domain)
	if problem != nil {
		bad.Add("domain", problem.Key, problem.Args...)
	}
	owner, ok := ParseIdentifier(n.Owner)
	if !ok {
		bad.Add("owner", "customer.identifier.shape", "Identifier", n.Owner)
	}
	sv := &Service{
		Domain: domain, State: ServiceActive, Version: 1,
		MaxAccounts: DefaultMaxAccounts, MaxBytes: DefaultMaxBytes, MaxAccountBytes: DefaultMaxAccountBytes,
		MaxRedirections: DefaultMaxRedirections, MaxResponders: DefaultMaxResponders, MaxLists: DefaultMaxLists, MaxSubscribers: DefaultMaxSubscribers,
	}
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	if err := n.Limits.apply(sv); err != nil {
		return nil, err
	}
	err := s.change(ctx, Actor{}, func(tx *Tx) error {
		c, err := customer(tx.DB, "c.identifier = ?", owner)
		if err != nil {
			return invalid("owner", "grant.refused.unknown", "Identifier", n.Owner)
		}
		sv.OwnerID, sv.OwnerIdentifier, sv.OwnerName, sv.CreatedAt = c.ID, c.Identifier, c.Name, tx.now
		err = tx.scan(&sv.ID, `INSERT INTO services (domain, owner_id, state, max_accounts, max_bytes, max_account_bytes, max_redirections, max_responders, max_lists, max_subscribers, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			sv.Domain, sv.OwnerID, sv.State, sv.MaxAccounts, sv.MaxBytes, sv.MaxAccountBytes, sv.MaxRedirections, sv.MaxResponders, sv.MaxLists, sv.MaxSubscribers, sv.CreatedAt)
		if err != nil {
			return err
		}
		tx.locked(sv.ID, lastEvent{})
		return tx.record(Event{ServiceID: sv.ID, Kind: "service.created", Class: ServiceEvent, OwnerID: sv.OwnerID, Object: sv.Domain})
	})
	if violated(err) == "service_domain_unique" {
		return nil, invalid("domain", "service.domain.taken", "Domain", ReadableDomain(domain))
	}
	if err != nil {
		return nil, err
	}
	return sv, nil
}

// SetService changes the limits of a service; they never fall below what is in use.
func (s *Store) SetService(ctx context.Context, domain string, l ServiceLimits) error {
	return s.operate(ctx, domain, func(tx *Tx, sv *Service) (string, Detail, error) {
		if err := tx.scan(&sv.largestList, "SELECT COALESCE(max(l.subscriber_count), 0) FROM lists l WHERE l.service_id = ?", sv.ID); err != nil {
			return "", nil, err
		}
		was := *sv
		if err := l.apply(sv); err != nil {
			return "", nil, err
		}
		detail := sv.changed(&was)
		if len(detail) == 0 {
			return "", nil, nil
		}
		return "service.limits", detail, tx.exec(`UPDATE services SET max_accounts = ?, max_bytes = ?, max_account_bytes = ?,
			max_redirections = ?, max_responders = ?, max_lists = ?, max_subscribers = ?, version = version + 1 WHERE id = ?`,
			sv.MaxAccounts, sv.MaxBytes, sv.MaxAccountBytes, sv.MaxRedirections, sv.MaxResponders, sv.MaxLists, sv.MaxSubscribers, sv.ID)
	})
}

// SuspendService stops every change of a service; everything stays readable, and
// its mail goes on.
func (s *Store) SuspendService(ctx context.Context, domain string) error {
	return s.setServiceState(ctx, domain, ServiceSuspended, true, "service.suspended")
}

// SilenceService is SuspendService that stops the mail too: the mail servers know
// nothing of the domain any more, and the sessions of its mailboxes end.
func (s *Store) SilenceService(ctx context.Context, domain string) error {
	return s.setServiceState(ctx, domain, ServiceSuspended, false, "service.silenced")
}

// ResumeService is the way back from both.
func (s *Store) ResumeService(ctx context.Context, domain string) error {
	return s.setServiceState(ctx, domain, ServiceActive, true, "service.resumed")
}

func (s *Store) setServiceState(ctx context.Context, domain string, state ServiceState, receives bool, kind string) error {
	return s.operate(ctx, domain, func(tx *Tx, sv *Service) (string, Detail, error) {
		var received bool
		if err := tx.scan(&received, "SELECT s.receives FROM services s WHERE s.id = ?", sv.ID); err != nil {
			return "", nil, err
		}
		if sv.State == state && received == receives {
			return "", nil, nil
		}
		if !receives {
			if err := tx.disconnect("*@" + sv.Domain); err != nil {
				return "", nil, err
			}
		}
		return kind, nil, tx.exec("UPDATE services SET state = ?, receives = ?, version = version + 1 WHERE id = ?", state, receives, sv.ID)
	})
}

// operate locks a service for the operator and records what fn says it did; "" is nothing.
func (s *Store) operate(ctx context.Context, domain string, fn func(*Tx, *Service) (kind string, d Detail, err error)) error {
	domain, problem := ParseDomain(domain)
	if problem != nil {
		return Invalid{"domain": {*problem}}
	}
	return s.change(ctx, Actor{}, func(tx *Tx) error {
		sv, err := tx.lock(domain)
		if err != nil {
			return err
		}
		kind, detail, err := fn(tx, sv)
		if err != nil || kind == "" {
			return err
		}
		return tx.record(Event{ServiceID: sv.ID, Kind: kind, Class: ServiceEvent, OwnerID: sv.OwnerID, Object: sv.Domain, Detail: detail})
	})
}

// Marker is a fact about the installation, "" when it was never set.
func (s *Store) Marker(ctx context.Context, name string) (string, error) {
	var value string
	err := s.db.WithContext(ctx).Raw("SELECT value FROM markers WHERE name = ?", name).Scan(&value).Error
	return value, err
}

// SetMarker keeps a fact about the installation.
func (s *Store) SetMarker(ctx context.Context, name, value string) error {
	return s.db.WithContext(ctx).Exec("INSERT INTO markers (name, value, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value, s.now()).Error
}

// Empty says that nobody was added yet: no customer, no agent, no service.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	var some bool
	err := s.db.WithContext(ctx).Raw("SELECT EXISTS (SELECT 1 FROM customers) OR EXISTS (SELECT 1 FROM agents) OR EXISTS (SELECT 1 FROM services)").Scan(&some).Error
	return !some, err
}
