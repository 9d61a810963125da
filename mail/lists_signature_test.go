package mail_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

// What another mail server signed arrives as it was signed, by a list and by a
// redirection, through every server of ours.
func TestASignatureHoldsOnTheWay(t *testing.T) {
	t.Parallel()
	o := alice(t)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	reader := fresh("signature") + "@elsewhere.test"
	_, address, _ := o.mailingList(t, "everyone", "list", reader)
	alias := fresh("signe")
	o.Do(t, garrigue+"/redirections/new", garrigue+"/redirections", "kind", "address", "from", alias, "to", reader, "keep_copy", "")
	for to, subject := range map[string]string{address: "signed, to a list", alias + "@" + cast.Garrigue: "signed, to an alias"} {
		message := mailtest.Message("=?utf-8?q?Zo=C3=A9?= <"+stranger+">", to, subject, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit") +
			"déjà vu\n.\n..\n\ttab and space \n" + strings.Repeat("x", 990) + "\n\n\n"
		var signed bytes.Buffer
		err := dkim.Sign(&signed, strings.NewReader(strings.ReplaceAll(message, "\n", "\r\n")), &dkim.SignOptions{
			Domain: "elsewhere.test", Selector: "s", Signer: private, HeaderKeys: []string{"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Send(stranger, to, strings.ReplaceAll(signed.String(), "\r\n", "\n")); err != nil {
			t.Fatal(err)
		}
		got := o.Outside.Await(t, reader, "Subject: "+subject)
		list, err := dkim.VerifyWithOptions(strings.NewReader(got.Data), &dkim.VerifyOptions{LookupTXT: func(string) ([]string, error) {
			return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)}, nil
		}})
		if err != nil || len(list) != 1 || list[0].Err != nil {
			t.Errorf("%s: %v, %v\n%s", subject, list, err, got.Data)
		}
	}
}
