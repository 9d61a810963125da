package mail_test

import (
	"strings"
	"testing"

	"example.org/mandat/models/cast"
)

func TestTheOwnerIsToldWhatADelegateMayReadWith(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.mailbox(t, "confie")
	bruno := owner{o.Stack, o.Visit(t, cast.Bruno, cast.Password)}
	done, _ := bruno.Do(t, on(local, "password"), on(local, "password"), "password", "reine-claude-sucree-56", "password_again", "reine-claude-sucree-56")
	told := o.Outside.Await(t, emailOf(cast.Alice), local)
	took.note("the owner is told of a password", done)
	if told.Header("Content-Type") == "" || !strings.Contains(told.Header("Content-Type"), "multipart/alternative") {
		t.Errorf("it is %q", told.Header("Content-Type"))
	}
	if strings.Contains(told.Data, "reine-claude") {
		t.Error("it tells the password")
	}

	o.Do(t, on(local, "grants"), on(local, "grants"), "identifiers", cast.Emma)
	given := o.Outside.Await(t, emailOf(cast.Emma), strings.Split(address, "@")[0])
	if !strings.Contains(given.Header("From"), "panel@mandat.test") {
		t.Errorf("it comes from %q", given.Header("From"))
	}
}

func emailOf(identifier string) string {
	for _, p := range cast.People() {
		if p.Identifier == identifier {
			return p.Email
		}
	}
	return ""
}
