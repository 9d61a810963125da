package mail_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"slices"
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
	for to, way := range map[string]string{address: "to a list", alias + "@" + cast.Garrigue: "to an alias"} {
		text := "déjà vu\n.\n..\n\ttab and space \n" + strings.Repeat("x", 990) + "\n\n\n"
		usual := mailtest.Message("=?utf-8?q?Zo=C3=A9?= <"+stranger+">", to, "signed, "+way, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
		odd := fmt.Sprintf("From: %s\nTo: undisclosed-recipients:;\nCc: bob, \"Eve\"@elsewhere\nSubject: odd, %s\n\n", stranger, way) // and no Date, no Message-ID
		for subject, message := range map[string]string{"signed, " + way: usual + text, "odd, " + way: odd + text} {
			var signed bytes.Buffer
			err := dkim.Sign(&signed, strings.NewReader(strings.ReplaceAll(message, "\n", "\r\n")), &dkim.SignOptions{
				Domain: "elsewhere.test", Selector: "s", Signer: private,
				HeaderKeys: []string{"From", "To", "Cc", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"},
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
}

// Mail that is new gets what it lacks (RFC 6409, 8): who submits it may be a
// program that knows neither the time nor a name for itself.
func TestWhatIsSubmittedGetsItsDate(t *testing.T) {
	t.Parallel()
	o := alice(t)
	_, author := o.mailbox(t, "sansdate")
	_, reader := o.mailbox(t, "lecteur")
	if err := o.Submit(author, password, author, reader, "From: "+author+"\nTo: "+reader+"\nSubject: undated\n\nHello.\n"); err != nil {
		t.Fatal(err)
	}
	if m := o.got(t, reader, "INBOX", "undated"); !strings.Contains(m.Data, "\r\nDate: ") || !strings.Contains(m.Data, "\r\nMessage-Id: ") {
		t.Errorf("it has none:\n%s", m.Data)
	}
}

// A message that is as large as Postfix takes any gets fields of ours on its way.
func TestTheLargestMessageGoesOutToo(t *testing.T) {
	t.Parallel()
	o := alice(t)
	reader := fresh("large") + "@elsewhere.test"
	_, address, _ := o.mailingList(t, "everyone", "list", reader)
	head := mailtest.Message(stranger, address, "as large as can be")
	line := strings.Repeat("x", 900) + "\n"
	for lines := int(o.Settings.MaxMessage) / (len(line) + 2); ; lines-- { // as many octets does a line take in Postfix's queue
		err := o.Send(stranger, address, head+strings.Repeat(line, lines))
		if err == nil {
			break
		}
		if !slices.Contains([]int{452, 552}, mailtest.Code(err)) || lines < int(o.Settings.MaxMessage)/1000 {
			t.Fatal(err)
		}
	}
	o.Outside.Await(t, reader, "Subject: as large as can be")
}
