package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"time"

	"example.org/mandat/mail"
	"example.org/mandat/mail/probe"
)

// configureAgain is the remedy where files are not those of this program.
const configureAgain = "Run `mandat mail configure` again with the same arguments and this program, and the steps after it: see \"The configuration\" in deploy/README.md."

// configuration looks at what `mandat mail configure` wrote, and at what it set up
// of the mail servers beyond what the panel itself has to reach.
func (c doctorCommand) configuration(ctx context.Context, p *program) []finding {
	files := finding{what: "the files of the mail servers"}
	dir := p.config.mailFiles
	if dir == "" {
		if p.config.postfix == "" && p.config.dovecot == nil {
			return nil
		}
		files.note = fmt.Sprintf(notNamed, "MANDAT_MAIL_FILES") + "; `mandat mail configure`, run again, writes it into panel.env"
		return []finding{files}
	}
	settings, err := mail.Load(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		files.note = "not looked at: " + dir + " is not on this machine"
		return []finding{files}
	case err != nil:
		files.fault, files.remedy = err, configureAgain
		return []finding{files}
	}
	return append(c.files(settings, files), c.ports(ctx, settings)...)
}

// files compares files, and looks at who may read those with a secret.
func (doctorCommand) files(settings *mail.Settings, written finding) []finding {
	stale, err := settings.Stale()
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		written.note = "not looked at: only root on the machine of the mail servers may"
		return []finding{written}
	case err != nil:
		written.fault, written.remedy = err, configureAgain
		return []finding{written}
	case len(stale) > 0:
		written.fault, written.remedy = fmt.Errorf("in %s not as this program would write them: %s", settings.Dir, strings.Join(stale, ", ")), configureAgain
	}
	copies := finding{what: "the copies of them that Postfix and Dovecot read", remedy: "Copy them from " + settings.Dir + " and restart both: see \"The configuration\" in deploy/README.md."}
	old, err := settings.Outdated("/")
	switch {
	case settings.Private != "":
		copies.note = "there are none: it is an instance of its own"
	case errors.Is(err, fs.ErrNotExist):
		copies.note = "not looked at: the mail servers are not on this machine"
	case err != nil:
		copies.fault = err
	case len(old) > 0:
		copies.fault = fmt.Errorf("not those that this program writes: %s", strings.Join(old, ", "))
	}
	rights := finding{what: "who may read their secrets"}
	open, err := settings.Exposed("/")
	if rights.fault = err; len(open) > 0 {
		rights.fault = fmt.Errorf("everybody on this machine may read %s", strings.Join(open, ", "))
		rights.remedy = "chmod o= " + strings.Join(open, " ")
	}
	return []finding{written, copies, rights}
}

// ports asks what people and Postfix reach.
func (doctorCommand) ports(ctx context.Context, s *mail.Settings) []finding {
	near := func(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
	const log = "See that Dovecot runs (doveadm service status), and in its log why it does not answer there."
	list := []finding{
		{what: "Dovecot takes mail from Postfix (LMTP)", fault: probe.LMTP(ctx, near(s.Ports.LMTP)), remedy: log},
		{what: "Dovecot tells Postfix who may log in (SASL)", fault: probe.SASL(ctx, near(s.Ports.SASL)), remedy: log},
	}
	if list[1].fault != nil { // Postfix would wait for a minute before it asks Dovecot again
		return list
	}
	secure := s.Certificate != ""
	const submission = "See in Postfix's log; main.cf and master.cf are to be of the same `mandat mail configure`."
	list = append(list, finding{what: "submission", fault: probe.Submission(ctx, s.Reached(s.Ports.Submission), secure, false), remedy: submission})
	if !secure {
		return list
	}
	const renew = "Renew it (certbot renew), for the name of `mail configure --hostname`, and have the servers read it: postfix reload, doveadm reload."
	return append(list,
		finding{what: "submission with TLS from the first octet", fault: probe.Submission(ctx, s.Reached(s.Ports.Submissions), secure, true), remedy: submission},
		finding{what: "the certificate that Postfix shows", fault: probe.Certificate(ctx, s.Reached(s.Ports.Submissions), s.Hostname, time.Now()), remedy: renew},
		finding{what: "the certificate that Dovecot shows", fault: probe.Certificate(ctx, s.Reached(s.Ports.IMAPS), s.Hostname, time.Now()), remedy: renew},
	)
}
