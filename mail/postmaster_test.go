package mail_test

import (
	"testing"

	"example.org/mandat/mail/mailtest"
)

// Nobody else is local: neither may a stranger find out who is on the machine.
func TestThePostmasterOfTheMachineIsReached(t *testing.T) {
	t.Parallel()
	s := stack(t)
	for _, to := range []string{"postmaster@mx.mandat.test", "Postmaster", "root@mx.mandat.test"} {
		subject := fresh("to the postmaster ")
		if err := s.Send(stranger, to, mailtest.Message(stranger, to, subject)); err != nil {
			t.Errorf("%s: %v", to, err)
			continue
		}
		s.Outside.Await(t, mailtest.Postmaster, subject)
	}
	for _, to := range []string{"vmail@mx.mandat.test", "nobody@mx.mandat.test"} {
		if err := s.Send(stranger, to, mailtest.Message(stranger, to, "to nobody")); mailtest.Code(err) != 550 {
			t.Errorf("%s: %v", to, err)
		}
	}
	subject := fresh("by a cron job ")
	if err := s.Sendmail(t.Context(), "root", mailtest.Message("root", "root", subject)); err != nil {
		t.Fatal(err)
	}
	s.Outside.Await(t, mailtest.Postmaster, subject)
}
