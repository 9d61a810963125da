package sieve

import (
	"errors"
	netmail "net/mail"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzMessage tries filters on whatever somebody pastes: it is read the same
// twice, and again when it is written anew from what was read; what filters do
// to it is the same twice, and a rule and its opposite never agree.
func FuzzMessage(f *testing.F) {
	for i, v := range []string{
		"Subject: =?utf-8?q?gr=C3=BC?=\r\n =?utf-8?b?w59l?=\r\n\r\nbody", "From ann Mon Nov 23 10:00:00 2026\nTo: a@b.c, Ann (x \\) y) <a . b@c . d>;\n", "to: friends: a@b, \"c d\" <\"e\\\"f\"@[192.0.2.1]>;, g@h",
		"Cc: <@r1,@r2:a@b>, .., \"\\\n\"@x\n \n", "from: =?iso-2022-jp?b?GyRC?= =?x?q?=?= =?utf-16?b?2AA=?= <a@b>", "List-Id: x\nX-Spam-Status: Yes\nPrecedence: list\n\x00: \n: \nSubject : \xff\x00\r\r\n\t\r", "a@b", "\uFEFF\n From : x@y",
	} {
		f.Add(v, ", a@b", uint16(0), To, "a@b", byte(i))
	}
	for i, part := range []string{"(", "\"", "a,", "g:", "<", "=?", "=?utf-8?q?", "\n a@b,", "to:a@b\n", "\\", "@", "x:;,"} {
		f.Add("To: ", part, uint16(2000), To, "*a?", byte(i))
	}
	operators := []string{Contains, Is, Begins, Ends, Matches}
	f.Fuzz(func(t *testing.T, head, part string, times uint16, header, value string, kind byte) {
		text := head + strings.Repeat(part, min(int(times), 16<<10/max(1, len(part))))
		m, err := ParseMessage(text)
		if err != nil {
			if !errors.Is(err, ErrNoHeader) && !errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
			return
		}
		if m.Size < 1 || m.Size > int64(2*len(text)) {
			t.Errorf("%d octets", m.Size)
		}
		var again strings.Builder
		for _, field := range m.fields {
			for _, shown := range []string{field.text, field.lowered} {
				if !utf8.ValidString(shown) || strings.ContainsRune(shown, 0) {
					t.Fatalf("%q of %q", shown, field.raw)
				}
			}
			checkAddresses(t, field.raw)
			raw := field.raw
			if strings.HasSuffix(raw, "\n") {
				raw += " " // or the header would end there
			}
			again.WriteString(field.name + ": " + strings.ReplaceAll(raw, "\n", "\r\n") + "\r\n")
		}
		if also, err := ParseMessage(again.String()); err != nil && !errors.Is(err, ErrTooLarge) || err == nil && !reflect.DeepEqual(also.fields, m.fields) {
			t.Errorf("%q is read as\n%q, and that as\n%q, %v", text, m.fields, also.fields, err)
		}
		operator := operators[int(kind)%len(operators)]
		r := Rule{header, operator, value}
		filters := []Filter{{Active: true, Any: kind&64 != 0, Action: Read, Rules: []Rule{r, {List, Yes, ""}, {Spam, Yes, ""}}}, {Active: true, Action: Stop, Rules: []Rule{r}}}
		trial := Try(filters, m)
		if also := Try(filters, m); !reflect.DeepEqual(trial, also) {
			t.Errorf("%+v, then %+v", trial, also)
		}
		opposite := map[string]string{Contains: NotContains, Is: IsNot, Yes: No}
		for _, r := range filters[0].Rules {
			if to := opposite[r.Operator]; to != "" && r.Header != Size && r.holds(m) == (Rule{r.Header, to, r.Value}).holds(m) && (r.Operator == Yes) == (r.Header == List || r.Header == Spam) {
				t.Errorf("%+v and its opposite", r)
			}
		}
	})
}

// checkAddresses: an address is read again as itself, and where the standard
// library reads a list, it has the same addresses.
func checkAddresses(t *testing.T, raw string) {
	t.Helper()
	found := addresses(raw)
	for _, address := range found {
		if address != raw && !slices.Equal(addresses(address), []string{address}) {
			t.Errorf("%q has %q, which is read as %q", raw, address, addresses(address))
		}
	}
	list, err := netmail.ParseAddressList(strings.ReplaceAll(raw, "\n", "\r\n"))
	if err != nil || strings.Count(raw, ",") >= maxAddresses {
		return
	}
	var want []string
	for _, a := range list {
		at := strings.LastIndexByte(a.Address, '@')
		if local := a.Address[:at]; !strings.ContainsFunc(local, func(r rune) bool { return r < ' ' || r > '~' }) {
			want = append(want, quoteLocal(local)+a.Address[at:])
		}
	}
	if len(want) > 0 && !slices.Equal(found, want) {
		t.Errorf("%q has %q, and for others %q", raw, found, want)
	}
}
