package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/mandat/handlers/oidc"
	"example.org/mandat/mail/outgoing"
	"example.org/mandat/mail/probe"
	"example.org/mandat/models"
)

type doctorCommand struct{}

// doctorLimit bounds the whole examination.
const doctorLimit = 2 * time.Minute

// nobody is a local part that hardly any account has.
var nobody = strings.Repeat("x", 60)

// A finding is one thing that was looked at.
type finding struct {
	what   string
	fault  error  // nil: it is well
	remedy string // what to do about the fault
	note   string // of what was not looked at, and why
}

var errUnwell = errors.New("something is wrong: the lines with FAULT say what to do")

// Run looks at everything that the panel works with and says what is wrong, with
// the remedy for each. Its error is errUnwell when anything is.
func (c doctorCommand) Run(p *program) error {
	ctx, cancel := context.WithTimeout(p.ctx, doctorLimit)
	defer cancel()
	unwell := false
	for _, f := range c.examine(ctx, p) {
		switch {
		case f.fault != nil:
			unwell = true
			fmt.Fprintf(p.out, "FAULT  %s: %v\n       %s\n", f.what, f.fault, f.remedy)
		case f.note != "":
			fmt.Fprintf(p.out, "  -    %s: %s\n", f.what, f.note)
		default:
			fmt.Fprintf(p.out, " well  %s\n", f.what)
		}
	}
	if unwell {
		return errUnwell
	}
	return nil
}

func (c doctorCommand) examine(ctx context.Context, p *program) []finding {
	return slices.Concat(c.parts(ctx, p), c.configuration(ctx, p), []finding{c.outgoing(ctx, p)}, c.provider(ctx, p))
}

// parts are the database and what reads it.
func (c doctorCommand) parts(ctx context.Context, p *program) []finding {
	const database = "database"
	store, err := p.openOnce(false)
	switch {
	case errors.Is(err, models.ErrInUse):
		return []finding{{what: database, note: "the embedded one is in use by a panel that runs; stop it first to have it looked at"}}
	case err != nil && models.Unavailable(err):
		return []finding{{what: database, fault: err, remedy: "Start PostgreSQL, or mend MANDAT_DATABASE_URL: host, user, password, name."}}
	case err != nil:
		return []finding{{what: database, fault: err, remedy: "Run `mandat migrate` with the program that serves, and let the clocks of both machines agree."}}
	}
	defer store.Close()
	findings := []finding{{what: database}, c.sealed(ctx, p, store)}
	if store.Embedded() {
		return append(findings, finding{what: "mail servers", note: "none reads an embedded database"})
	}
	findings = append(findings, c.history(ctx, store)...)
	findings = append(findings, c.contract(ctx, store)...)
	address, caught, err := store.Specimen(ctx)
	if err != nil {
		findings = append(findings, finding{what: "an account", fault: err, remedy: "Look at the database's own log."})
	}
	findings = append(findings, c.postfix(ctx, p, address, caught))
	findings = append(findings, c.dovecot(ctx, p, address)...)
	return append(findings, c.lists(ctx, p, address)...)
}

// history looks at whether the panel could alter the history, and at entries without a hash.
func (doctorCommand) history(ctx context.Context, store *models.Store) []finding {
	const remedy = "Let the panel sign in as the role mandat_panel, and only `mandat migrate` as the owner of the tables: see \"The history\" in deploy/README.md."
	wall := finding{what: "history that the panel cannot alter", remedy: remedy}
	weakness, err := store.HistoryWeakness(ctx)
	if wall.fault = err; err == nil && weakness != "" {
		wall.fault = errors.New(weakness)
	}
	whole := finding{what: "hashes of the history", remedy: "Run `mandat migrate`."}
	n, err := store.Unchained(ctx)
	if whole.fault = err; n > 0 {
		whole.fault = fmt.Errorf("%d entries or more have none yet", n)
	}
	return []finding{wall, whole}
}

// contract looks at the roles and views of the mail servers.
func (doctorCommand) contract(ctx context.Context, store *models.Store) []finding {
	const what = "roles and views of the mail servers"
	faults, err := store.ContractFaults(ctx)
	if err != nil {
		return []finding{{what: what, fault: err, remedy: "Run `mandat migrate`."}}
	}
	if len(faults) == 0 {
		return []finding{{what: what}}
	}
	var list []finding
	for _, f := range faults {
		list = append(list, finding{what: f.Role, fault: errors.New(f.What), remedy: "Let an administrator of PostgreSQL run roles.sql, which `mandat mail configure` writes."})
	}
	return list
}

const notNamed = "not looked at: %s does not say where it is"

func (doctorCommand) postfix(ctx context.Context, p *program, address string, caught bool) finding {
	f := finding{what: "Postfix reads the panel's addresses"}
	switch {
	case p.config.postfix == "":
		f.note = fmt.Sprintf(notNamed, "MANDAT_POSTFIX")
	case address == "":
		f.note = "not looked at: there is no account yet"
	default:
		_, domain, _ := strings.Cut(address, "@")
		if caught { // there everybody exists
			domain = "nowhere.invalid"
		}
		f.fault = probe.Postfix(ctx, p.config.postfix, address, nobody+"@"+domain)
		f.remedy = "See that Postfix runs (postfix status), and in its log why it cannot read: the passwords in postfix/sql/*.cf are those of roles.sql."
	}
	return f
}

func (doctorCommand) dovecot(ctx context.Context, p *program, address string) []finding {
	api, user, scripts, login := finding{what: "Dovecot's HTTP API"}, finding{what: "Dovecot finds mailboxes"}, finding{what: "Dovecot's Sieve storage"}, finding{what: "log-in to Dovecot"}
	client := p.config.dovecot
	if client == nil {
		api.note = fmt.Sprintf(notNamed, "MANDAT_DOVECOT")
		return []finding{api}
	}
	api.fault = client.Check(ctx)
	api.remedy = "See that Dovecot runs (doveadm service status), and that the key in MANDAT_DOVECOT is doveadm_api_key."
	if api.fault != nil || address == "" {
		return []finding{api}
	}
	user.fault = client.CheckUser(ctx, address)
	user.remedy = "See in Dovecot's log why it does not find " + address + ": the password in dovecot/sql.conf.ext is that of roles.sql."
	scripts.fault = client.CheckScripts(ctx, address)
	scripts.remedy = "See in Dovecot's log: the password in dovecot/dict-sieve.conf.ext is that of roles.sql, and the user vmail may write to the directory of the mailboxes."
	login.remedy = "See in Dovecot's log why the master user of MANDAT_IMAP does not come in: dovecot/masters is of the same `mandat mail configure` as panel.env."
	switch own := p.config.imap; own {
	case nil:
		login.note = fmt.Sprintf(notNamed, "MANDAT_IMAP")
	default:
		session, err := own.Open(ctx, address)
		if login.fault = err; err == nil {
			session.Close()
		}
	}
	return []finding{api, user, scripts, login}
}

func (doctorCommand) lists(ctx context.Context, p *program, address string) []finding {
	takes, tells, room := finding{what: "the list service takes mail"}, finding{what: "the list service reads who may write"}, finding{what: "the list service reads who has room"}
	if p.config.lists == "" {
		takes.note = fmt.Sprintf(notNamed, "MANDAT_LISTS")
		return []finding{takes}
	}
	takes.fault = probe.LMTP(ctx, p.config.lists)
	takes.remedy = "Start mandat-listd; its own --check tells more."
	list := []finding{takes}
	if takes.fault != nil || address == "" {
		return list
	}
	const remedy = "Run mandat-listd --check: the password in lists.env is that of roles.sql."
	if p.config.listsPolicy != "" {
		_, domain, _ := strings.Cut(address, "@")
		tells.fault, tells.remedy = probe.Policy(ctx, p.config.listsPolicy, nobody+"@"+domain), remedy
		list = append(list, tells)
	}
	if p.config.listsQuota != "" {
		room.fault, room.remedy = probe.Quota(ctx, p.config.listsQuota, address), remedy
		list = append(list, room)
	}
	return list
}

func (doctorCommand) outgoing(ctx context.Context, p *program) finding {
	f := finding{what: "the panel's own mail"}
	if p.config.mail == (outgoing.Route{}) {
		f.note = "none is sent: MANDAT_MAIL is empty"
		return f
	}
	f.what += " to " + p.config.mail.String()
	f.fault = p.config.mail.Check(ctx)
	f.remedy = "Mend MANDAT_MAIL, or the server that it names."
	return f
}

// provider looks at the provider of OpenID Connect, as nobody who signs in.
func (doctorCommand) provider(ctx context.Context, p *program) []finding {
	known := finding{what: "the provider of single sign-on"}
	if p.config.oidc.Issuer == "" {
		known.note = "there is none: MANDAT_OIDC_ISSUER is empty"
		return []finding{known}
	}
	known.what += " " + p.config.oidc.Issuer
	provider := oidc.New(p.signOnConfig(p.config.origin, time.Now))
	x := provider.Examine(ctx)
	known.fault = x.Discovery
	known.remedy = "See that it runs, that this machine reaches it and trusts its certificate (SSL_CERT_FILE names other authorities), and that MANDAT_OIDC_ISSUER is to the letter the issuer in its /.well-known/openid-configuration."
	if known.fault != nil {
		return []finding{known}
	}
	keys := finding{what: "its keys", fault: x.Keys, remedy: "Let it sign ID tokens with a key of its own (RSA, EC or Ed25519) and publish it at its jwks_uri."}
	if keys.fault != nil {
		return []finding{known, keys}
	}
	way := finding{what: "it leads people back to " + provider.Redirect, fault: x.Way}
	way.remedy = "Register this redirect address there, for the client of MANDAT_OIDC_CLIENT_ID, with the flow of the authorization code; if the address is not yours, mend MANDAT_ORIGIN."
	if x.Way == nil && !x.Sure {
		way.note = "it shows a page of its own first, which may be a refusal: sign in once to be sure that this address is registered there"
	}
	return []finding{known, keys, way}
}
