package imap_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"example.org/mandat/mail/imap"
)

func planned(folders ...imap.Folder) []string {
	var list []string
	for _, p := range imap.PlanFolders(folders, "/") {
		unusual := ""
		if !p.Usual {
			unusual = " unusual"
		}
		list = append(list, p.Name+" > "+p.Target+unusual)
	}
	return list
}

func TestWhereFoldersGo(t *testing.T) {
	dot := func(name string) imap.Folder { return imap.Folder{Name: name, Delimiter: "."} }
	slash := func(name string, role imap.Role) imap.Folder {
		return imap.Folder{Name: name, Delimiter: "/", Role: role}
	}
	for what, c := range map[string]struct {
		folders []imap.Folder
		want    []string
	}{
		"all below the inbox": {
			[]imap.Folder{dot("INBOX.Sent"), dot("INBOX"), dot("INBOX.Clients.Été/2023"), dot("INBOX.inbox")},
			[]string{"INBOX > INBOX", "INBOX.Sent > Sent", "INBOX.Clients.Été/2023 > Clients/Été_2023", "INBOX.inbox > inbox_"},
		},
		"with roles": {
			[]imap.Folder{slash("[Gmail]/All Mail", imap.Virtual), slash("[Gmail]/Sent Mail", imap.Sent), slash("Sent", ""), slash("[Gmail]/Trash", imap.Trash), slash("inbox", "")},
			[]string{"inbox > INBOX", "[Gmail]/Sent Mail > Sent", "[Gmail]/Trash > Trash unusual", "Sent > Sent (2)", "[Gmail]/All Mail > [Gmail]/All Mail unusual"},
		},
		"by their names": {
			[]imap.Folder{slash("Éléments envoyés", ""), slash("Brouillons", ""), slash("Courrier indésirable", ""), slash("Sent", ""), slash("Projects/Sent", "")},
			[]string{"Brouillons > Drafts", "Courrier indésirable > Junk unusual", "Éléments envoyés > Sent", "Projects/Sent > Projects/Sent", "Sent > Sent (2)"},
		},
		"hostile": {
			[]imap.Folder{slash("..", ""), slash("~root/x", ""), slash("a//b", ""), slash("\x1b[31m\u202e", ""), slash("A.B", ""), slash("A_B", ""), {Name: "a/b"}},
			[]string{"\x1b[31m\u202e > _[31m_", ".. > __", "A.B > A_B", "A_B > A_B (2)", "a//b > a/_/b", "a/b > a_b (3)", "~root/x > _root/x"},
		},
	} {
		if diff := cmp.Diff(c.want, planned(c.folders...)); diff != "" {
			t.Errorf("%s:\n%s", what, diff)
		}
	}
	deep := imap.PlanFolders([]imap.Folder{{Name: strings.Repeat("é/", 30) + "x", Delimiter: "/"}, {Name: strings.Repeat("long ", 500)}, {Name: strings.Repeat("long ", 501)}}, "/")
	for _, p := range deep {
		if strings.Count(p.Target, "/") > 10 || len(p.Target) > 200 {
			t.Errorf("%q", p.Target)
		}
	}
	if deep[0].Target == deep[1].Target {
		t.Error("two long names became one")
	}
}

func FuzzPlanFolders(f *testing.F) {
	f.Add("INBOX.Sent", ".", "Sent", "/", "/")
	f.Add("a/b", "/", "A/B", "/", ".")
	f.Add("&AOk-", "", "\xff\xfe", "é", "/")
	f.Fuzz(func(t *testing.T, a, da, b, db, delimiter string) {
		if utf8.RuneCountInString(delimiter) != 1 || utf8.RuneCountInString(da) > 1 || utf8.RuneCountInString(db) > 1 || strings.ContainsAny(delimiter, "_ ()0123456789-") || !utf8.ValidString(delimiter) || delimiter == "\ufffd" || unicode.IsLetter([]rune(delimiter)[0]) {
			return
		}
		plans := imap.PlanFolders([]imap.Folder{{Name: a, Delimiter: da}, {Name: b, Delimiter: db}}, delimiter)
		if len(plans) != 2 || strings.EqualFold(plans[0].Target, plans[1].Target) {
			t.Fatalf("%+v", plans)
		}
		for _, p := range plans {
			for part := range strings.SplitSeq(p.Target, delimiter) {
				if part == "" || part[0] == '~' || !utf8.ValidString(part) || strings.ContainsAny(part, "/\\.*%\"\r\n\x00") {
					t.Fatalf("%q became %q", p.Name, p.Target)
				}
			}
			if len(p.Target) > 800 {
				t.Fatalf("%d octets", len(p.Target))
			}
		}
	})
}

func FuzzLegible(f *testing.F) {
	f.Add("\x1b[31mred\u202e\xff", 5)
	f.Fuzz(func(t *testing.T, text string, most int) {
		if most < 1 || most > 1000 {
			return
		}
		is := imap.Legible(text, most)
		if !utf8.ValidString(is) || utf8.RuneCountInString(is) > most || strings.ContainsFunc(is, unicode.IsControl) || imap.Legible(is, most) != is {
			t.Fatalf("%q", is)
		}
	})
}

func TestIdentity(t *testing.T) {
	same := func(a, b string, want bool) {
		t.Helper()
		if got := imap.Identity([]byte(a)) == imap.Identity([]byte(b)); got != want {
			t.Errorf("%q and %q: %v", a, b, got)
		}
	}
	same("Message-ID: <a@x>\r\n\r\n", "Subject: else\r\nmessage-id:\r\n <a@x>\r\n\r\n", true)
	same("Message-ID: <a@x>\r\n\r\n", "Message-ID: <b@x>\r\n\r\n", false)
	same("Message-ID: <a@x>\r\n\r\n", "Message-ID: <A@x>\r\n\r\n", false)
	same("Subject: a\r\n\r\n", "Subject: b\r\n\r\n", false)
	same("Subject: a\r\nFrom: b\r\n\r\n", "From: b\nSubject: a\n\n", true)
	same("Subject: a\r\n\r\n", "From: a\r\n\r\n", false)
	same("Message-ID:\r\nSubject: a\r\n\r\n", "Subject: a\r\n\r\n", true)
	same("Subject: a\r\n\r\nMessage-ID: <a@x>\r\n", "Subject: a\r\n\r\n", true)
}

func FuzzIdentity(f *testing.F) {
	f.Add([]byte("Message-ID: <a@x>\r\nSubject: a\r\n b\r\n\r\nbody"))
	f.Add([]byte("\r\n\r\n: \r\n x"))
	f.Fuzz(func(t *testing.T, header []byte) {
		if id := imap.Identity(header); len(id) != 32 || id != imap.Identity(header) {
			t.Fatalf("%q", id)
		}
	})
}

func FuzzKeywords(f *testing.F) {
	f.Add(`\Seen $label \Recent`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, flag := range imap.Keywords(strings.Split(text, " ")) {
			if flag == "" || strings.ContainsAny(flag, " (){%*\"]\r\n\x00") || len(flag) > 50 || strings.EqualFold(flag, `\Recent`) {
				t.Fatalf("%q", flag)
			}
		}
	})
}
