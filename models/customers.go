package models

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/base64"
	"errors"
	"math/big"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
)

// Customer is a person or company with an identifier.
type Customer struct {
	ID         int64
	Identifier string
	Name       string
	Email      string // where notices go; never a way to sign in
	Language   string // "fr" or "en"
	Theme      string // "system", "light" or "dark"
	TimeZone   string // IANA name
	Version    int
	CreatedAt  time.Time
	DisabledAt *time.Time // cannot sign in since then
}

// Mailbox is the address of the customer as mail servers take it, with an A-label.
func (c *Customer) Mailbox() string {
	at := strings.LastIndexByte(c.Email, '@')
	if domain, problem := ParseDomain(c.Email[at+1:]); problem == nil {
		return c.Email[:at+1] + domain
	}
	return c.Email
}

// The languages and themes that a customer can choose.
var (
	Languages = []string{"fr", "en"}
	Themes    = []string{"system", "light", "dark"}
)

// Bounds of what is typed about a customer, in characters.
const (
	MaxName  = 100
	MaxEmail = 254
)

// NewCustomer is what the operator says of a customer. Without a password
// nobody signs in until the customer has set one by a link.
type NewCustomer struct {
	Identifier string // "" makes one from the name
	Name       string
	Email      string
	Language   string
	TimeZone   string
	Password   string
}

const customerColumns = "c.id, c.identifier, c.name, c.email, c.language, c.theme, c.time_zone, c.version, c.created_at, c.disabled_at"

// AddCustomer makes a customer. It is the operator's verb.
func (s *Store) AddCustomer(ctx context.Context, n NewCustomer) (*Customer, error) {
	bad := Invalid{}
	c := &Customer{Name: checkName(n.Name, bad), Email: checkEmail(n.Email, bad), Language: n.Language, Theme: "system", TimeZone: n.TimeZone, Version: 1}
	typed := n.Identifier
	if typed == "" {
		typed = s.makeIdentifier(n.Name)
	}
	var ok bool
	if c.Identifier, ok = ParseIdentifier(typed); !ok {
		bad.Add("identifier", "customer.identifier.shape", "Identifier", n.Identifier)
	}
	checkChoices(c.Language, c.Theme, c.TimeZone, bad)
	hash, err := s.customerHash(ctx, n.Password, MinCustomerPassword, bad, c)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		c.CreatedAt = tx.now
		err := tx.scan(&c.ID, "INSERT INTO customers (identifier, name, email, language, theme, time_zone, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
			c.Identifier, c.Name, c.Email, c.Language, c.Theme, c.TimeZone, hash, c.CreatedAt)
		if err != nil {
			return err
		}
		if err := tx.indexNames(*c); err != nil {
			return err
		}
		return tx.record(Event{Kind: "customer.created", Class: SelfEvent, SubjectID: c.ID, Object: c.Identifier})
	})
	if violated(err) == "customer_identifier_unique" {
		return nil, invalid("identifier", "customer.identifier.taken", "Identifier", c.Identifier)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// makeIdentifier makes an identifier from a name: the initials of its first two
// words, a number that tells nothing, and the operator's suffix. Nine digits
// make it new.
func (s *Store) makeIdentifier(name string) string {
	initials := ""
	for _, word := range strings.Fields(fold(name)) {
		if first := word[0]; first >= 'a' && first <= 'z' && len(initials) < 2 {
			initials += string(first)
		}
	}
	n, _ := rand.Int(rand.Reader, big.NewInt(900_000_000)) // never fails: see crypto/rand
	return (initials + "xx")[:2] + strconv.FormatInt(100_000_000+n.Int64(), 10) + "-" + s.suffix
}

// customerHash checks and hashes a password; "" is no password.
func (s *Store) customerHash(ctx context.Context, password string, least int, bad Invalid, c *Customer) (string, error) {
	if password != "" {
		if problems := checkCustomerPassword(password, least, c.Identifier, c.Name, c.Email); len(problems) > 0 {
			bad["password"] = problems
		}
	}
	if err := bad.orNil(); err != nil || password == "" {
		return "", err
	}
	return s.hashPassword(ctx, password)
}

func checkName(name string, bad Invalid) string {
	name = strings.Join(strings.Fields(legible(name)), " ")
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		bad.Add("name", "customer.name.none")
	case n > MaxName:
		bad.Add("name", "customer.name.long", "Most", MaxName)
	}
	return name
}

// checkEmail accepts any address that mail can be sent to (RFC 5322), without a display name.
func checkEmail(email string, bad Invalid) string {
	email = strings.TrimSpace(email)
	a, err := mail.ParseAddress(email)
	if err != nil || a.Name != "" || a.Address != email || len(email) > MaxEmail {
		bad.Add("email", "customer.email.shape", "Email", email)
		return email
	}
	if _, domain, _ := strings.Cut(email, "@"); domain != "" {
		if _, problem := ParseDomain(domain); problem != nil {
			bad.Add("email", "customer.email.shape", "Email", email)
		}
	}
	return email
}

func checkChoices(language, theme, zone string, bad Invalid) {
	if !slices.Contains(Languages, language) {
		bad.Add("language", "customer.language.unknown")
	}
	if !slices.Contains(Themes, theme) {
		bad.Add("theme", "customer.theme.unknown")
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		bad.Add("time_zone", "customer.time_zone.unknown", "Zone", zone)
	}
}

// Customer reads a customer's own profile.
func (s *Store) Customer(ctx context.Context, by Actor) (*Customer, error) {
	return customer(s.db.WithContext(ctx), "c.id = ?", by.Customer)
}

// FindCustomer reads a customer by identifier. It is the operator's read: it tells who exists.
func (s *Store) FindCustomer(ctx context.Context, identifier string) (*Customer, error) {
	id, ok := ParseIdentifier(identifier)
	if !ok {
		return nil, ErrNotFound
	}
	return customer(s.db.WithContext(ctx), "c.identifier = ?", id)
}

func customer(db *gorm.DB, condition string, arg any) (*Customer, error) {
	var c Customer
	if err := db.Raw("SELECT "+customerColumns+" FROM customers c WHERE "+condition, arg).Scan(&c).Error; err != nil {
		return nil, err
	}
	if c.ID == 0 {
		return nil, ErrNotFound
	}
	return &c, nil
}

// Profile is what customers change about themselves. A nil field was not on the form.
type Profile struct {
	Name, Language, Theme, TimeZone *string
	Version                         int // as shown, when Name is set; another means ErrConflict
}

// ChangeProfile changes by's own profile. It writes nothing when nothing differs.
// The contact address is changed by [Store.ChangeContact].
func (s *Store) ChangeProfile(ctx context.Context, by Actor, p Profile) error {
	return s.change(ctx, by, func(tx *Tx) error {
		was, err := customer(tx.DB, "c.id = ?"+tx.forUpdate("c"), by.Customer)
		if err != nil {
			return err
		}
		if p.Name != nil && p.Version != was.Version {
			return ErrConflict
		}
		is, bad, detail := *was, Invalid{}, Detail{}
		set := func(field string, to *string, value *string, check func(string) string) {
			if value == nil {
				return
			}
			if next := check(*value); next != *to {
				detail[field] = Change{Before: *to, After: next}
				*to = next
			}
		}
		same := func(v string) string { return v }
		set("name", &is.Name, p.Name, func(v string) string { return checkName(v, bad) })
		set("language", &is.Language, p.Language, same)
		set("theme", &is.Theme, p.Theme, same)
		set("time_zone", &is.TimeZone, p.TimeZone, same)
		checkChoices(is.Language, is.Theme, is.TimeZone, bad)
		if err := bad.orNil(); err != nil || len(detail) == 0 {
			return err
		}
		err = tx.exec("UPDATE customers SET name = ?, language = ?, theme = ?, time_zone = ?, version = version + 1 WHERE id = ?",
			is.Name, is.Language, is.Theme, is.TimeZone, is.ID)
		if err != nil {
			return err
		}
		if is.Name != was.Name {
			if err := tx.indexNames(is); err != nil {
				return err
			}
		}
		return tx.record(Event{Kind: "profile.changed", Class: SelfEvent, SubjectID: is.ID, Object: is.Identifier, Detail: detail})
	})
}

// ChangePassword sets by's own password, given the present one, and ends their
// other sessions. Invalid (field "current") when the present one is another,
// Throttled after too many of those.
func (s *Store) ChangePassword(ctx context.Context, by Actor, current, password string) error {
	var row struct {
		Customer     `gorm:"embedded"`
		PasswordHash string
		Acted        bool
	}
	err := s.db.WithContext(ctx).Raw("SELECT "+customerColumns+`, c.password_hash,
		EXISTS (SELECT 1 FROM submissions x WHERE x.session_id = @session AND x.nonce = @nonce) AS acted FROM customers c WHERE c.id = @me`,
		map[string]any{"me": by.Customer, "session": by.Session, "nonce": by.Nonce}).Scan(&row).Error
	if err != nil {
		return err
	}
	if row.Acted { // or the second click would be told that the present password is another
		return ErrRepeated
	}
	bad := Invalid{}
	p := person{CustomerID: row.ID, Identifier: row.Identifier, PasswordHash: row.PasswordHash}
	if err := s.checkOwnPassword(ctx, p, current, "current", "password.current.wrong"); err != nil && !errors.As(err, &bad) {
		return err
	}
	if password == "" {
		bad.Add("password", "password.none")
	}
	least, err := s.LeastPassword(ctx, Actor{Customer: row.ID})
	if err != nil {
		return err
	}
	hash, err := s.customerHash(ctx, password, least, bad, &row.Customer)
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *Tx) error {
		return tx.setPassword(&row.Customer, hash, shortPassword(password), "profile.password_set")
	})
}

// setPassword ends all that rests on the password of before: sign-ins that wait
// for a second factor, browsers that are not asked for one, sessions but the one
// that asks, and links, also those that are still to be sent. short says that it
// is too short to stand alone. kind is that of the event.
func (tx *Tx) setPassword(c *Customer, hash string, short bool, kind string) error {
	if err := tx.exec("UPDATE customers SET password_hash = ?, password_short = ?, version = version + 1 WHERE id = ?", hash, short, c.ID); err != nil {
		return err
	}
	p := c.person()
	if short {
		n, err := tx.store.apps(tx.DB, p)
		if err != nil {
			return err
		}
		if n == 0 { // the last one was removed meanwhile
			return invalid("password", "password.short", "Min", MinCustomerPassword)
		}
	}
	if err := tx.forgetPassword(p); err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM sessions WHERE customer_id = ? AND id <> ?", c.ID, tx.by.Session); err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM password_links WHERE customer_id = ?", c.ID); err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM password_resets WHERE customer_id = ?", c.ID); err != nil {
		return err
	}
	if _, err := tx.shutSupportOut(c.ID, AssistanceNoConsent); err != nil {
		return err
	}
	tx.tellSecurity(p, NoticeDeed{Event: kind})
	return tx.record(Event{Kind: kind, Class: SelfEvent, SubjectID: c.ID, Object: c.Identifier})
}

// newToken is 256 random bits for a cookie or a link.
func newToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// tokenHash is what the database keeps of a token: a leaked table signs nobody in.
func tokenHash(token string) digest { return sha256.Sum256([]byte(token)) }

// digest is a driver.Valuer since GORM takes plain bytes after a bracket for a list.
type digest [sha256.Size]byte

// Value is [driver.Valuer].
func (d digest) Value() (driver.Value, error) { return d[:], nil }
