package mail_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

// One stack serves the tests of this package: it takes seconds to start.
var shared struct {
	once  sync.Once
	stack *mailtest.Stack
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.stack != nil {
		shared.stack.Stop()
	}
	os.Exit(code)
}

// stack is the running stack, or the reason why there is none.
func stack(t testing.TB) *mailtest.Stack {
	t.Helper()
	if why := mailtest.Missing(); why != "" {
		t.Skip("not run, nothing of the mail servers is proven here: " + why)
	}
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		shared.stack, shared.err = mailtest.Start(ctx, false)
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(shared.stack.Logs())
		}
	})
	return shared.stack
}

const (
	alice    = "ad1001-mdt"
	bruno    = "bm1002-mdt"
	garrigue = "garrigue.example"
	secret   = "mirabelle-au-four-12"
)

func TestANewAccountReceivesAndSignsIn(t *testing.T) {
	s := stack(t)
	v := s.Visit(t, alice, cast.Password)
	v.Do(t, "/services/"+garrigue+"/new-email", "/services/"+garrigue+"/emails", "local", "neuf", "description", "", "size_gb", "1", "password", secret, "password_again", secret)
	began := time.Now()
	if err := s.Send("someone@elsewhere.test", "neuf@"+garrigue, mailtest.Message("someone@elsewhere.test", "neuf@"+garrigue, "first")); err != nil {
		t.Fatal(err)
	}
	s.Await(t, "neuf@"+garrigue, secret, "INBOX", "first")
	fmt.Println("arrived after", time.Since(began))
	if err := s.Submit("neuf@"+garrigue, secret, "neuf@"+garrigue, "out@elsewhere.test", mailtest.Message("neuf@"+garrigue, "out@elsewhere.test", "hello out")); err != nil {
		t.Fatal(err)
	}
	s.Outside.Await(t, "out@elsewhere.test", "hello out")
}
