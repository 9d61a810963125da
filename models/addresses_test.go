package models

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCustomerIdentifiers(t *testing.T) {
	for text, want := range map[string]string{
		"ab1234-mdt": "ab1234-mdt", "AB1234-MDT": "ab1234-mdt", " Ab1-Xy\t": "ab1-xy", "zz999999999-abcde": "zz999999999-abcde",
		"": "", "ab1234": "", "a1234-mdt": "", "abc1234-mdt": "", "ab-mdt": "", "ab1234567890-mdt": "", "ab1234-m": "", "ab1234-mdtmdt": "",
		"ab1234_mdt": "", "ab12 34-mdt": "", "ab1234-mdt\nx": "", "àb1234-mdt": "", "ab١٢-mdt": "", "ab1234–mdt": "", "ab1-\u212a\u212a": "",
		"ab1234-mdt\x00": "", "\xff\xfe": "", "sam-support": "",
	} {
		if got, ok := ParseIdentifier(text); got != want || ok != (want != "") {
			t.Errorf("ParseIdentifier(%q) = %q, %v; want %q", text, got, ok, want)
		}
	}
}

func TestAgentIdentifiers(t *testing.T) {
	for text, want := range map[string]string{
		"sam-support": "sam-support", " Sam-Support ": "sam-support", "abc": "abc", "a" + strings.Repeat("b", 31): "a" + strings.Repeat("b", 31),
		"": "", "ab": "", "a" + strings.Repeat("b", 32): "", "1sam": "", "-sam": "", "sam_support": "", "sam support": "", "sàm": "",
		"ab1234-mdt": "", "AB1234-MDT": "", "ab1-xy": "",
	} {
		if got, ok := ParseAgentIdentifier(text); got != want || ok != (want != "") {
			t.Errorf("ParseAgentIdentifier(%q) = %q, %v; want %q", text, got, ok, want)
		}
	}
}

func TestIdentifiersAreSplitAsTyped(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                      nil,
		" ,;\r\n":                               nil,
		"ab1-mdt":                               {"ab1-mdt"},
		"ab1-mdt, cd2-mdt;ef3-mdt gh4-mdt":      {"ab1-mdt", "cd2-mdt", "ef3-mdt", "gh4-mdt"},
		"AB1-mdt\r\nab1-MDT\u00a0cd2-mdt,,oops": {"AB1-mdt", "cd2-mdt", "oops"},
	} {
		if got := SplitIdentifiers(text); !slices.Equal(got, want) {
			t.Errorf("SplitIdentifiers(%q) = %q, want %q", text, got, want)
		}
	}
}

// key is the key of a message that may be nil.
func key(m *Message) string {
	if m == nil {
		return ""
	}
	return m.Key
}

func TestLocalParts(t *testing.T) {
	for _, c := range []struct{ text, want, key string }{
		{"contact", "contact", ""},
		{" Jean.Dupont ", "jean.dupont", ""},
		{"a", "a", ""},
		{"_a-", "_a-", ""},
		{"2026", "2026", ""},
		{strings.Repeat("a", 64), strings.Repeat("a", 64), ""},
		{"", "", "address.local.empty"},
		{"  ", "", "address.local.empty"},
		{strings.Repeat("a", 65), "", "address.local.long"},
		{".a", "", "address.local.dots"},
		{"a.", "", "address.local.dots"},
		{"a..b", "", "address.local.dots"},
		{".", "", "address.local.dots"},
		{"a+b", "", "address.local.character"},
		{"rené", "", "address.local.character"},
		{"a@b", "", "address.local.character"},
		{`"a b"`, "", "address.local.character"},
		{"用户", "", "address.local.character"},
		{"jean dupont", "", "address.local.characters"},
		{"a\x00b", "", "address.local.characters"},
		{"a\r\nbcc: x", "", "address.local.characters"},
		{"a\u200bb", "", "address.local.characters"},
		{"a\u202eb", "", "address.local.characters"},
		{"a\xffb", "", "address.local.character"},
		{"ａ", "", "address.local.character"},
		{"\u212a", "", "address.local.character"},
	} {
		got, problem := ParseLocalPart(c.text)
		if got != c.want || key(problem) != c.key {
			t.Errorf("ParseLocalPart(%q) = %q, %q; want %q, %q", c.text, got, key(problem), c.want, c.key)
		}
	}
}

func TestAnAccentTypedAsTwoCharactersIsNamedAsOne(t *testing.T) {
	_, problem := ParseLocalPart("rene\u0301.x")
	if want := (&Message{"address.local.character", []any{"Character", "é"}}); !reflect.DeepEqual(problem, want) {
		t.Errorf("got %v, want %v", problem, want)
	}
}

func TestDomains(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, c := range []struct{ text, want, key string }{
		{"garrigue.example", "garrigue.example", ""},
		{" Garrigue.EXAMPLE ", "garrigue.example", ""},
		{"mail.garrigue.example", "mail.garrigue.example", ""},
		{"xn--bcher-kva.example", "xn--bcher-kva.example", ""},
		{"Bücher.example", "xn--bcher-kva.example", ""},
		{"bu\u0308cher.example", "xn--bcher-kva.example", ""},
		{"straße.de", "xn--strae-oqa.de", ""},
		{"été.fr", "xn--t-9fab.fr", ""},
		{"例え。テスト", "xn--r8jz45g.xn--zckzah", ""},
		{"ｅxample.ｃom", "example.com", ""},
		{"shop.github.io", "shop.github.io", ""},
		{"github.io", "github.io", ""}, // a company's, not a registry's
		{"mail.internal", "mail.internal", ""},
		{"a.test", "a.test", ""},
		{"a.localhost", "a.localhost", ""},
		{"1.example", "1.example", ""},
		{label + ".example", label + ".example", ""},
		{"", "", "address.domain.empty"},
		{"example", "", "address.domain.single"},
		{"localhost", "", "address.domain.single"},
		{"com", "", "address.domain.single"},
		{"co.uk", "", "address.domain.public"},
		{"GOUV.fr", "", "address.domain.public"},
		{"個人.hk", "", "address.domain.public"},
		{"anything.ck", "", "address.domain.public"}, // by the list's rule *.ck
		{"www.ck", "www.ck", ""},                     // its exception
		{"a..example", "", "address.domain.shape"},
		{".example.com", "", "address.domain.shape"},
		{"example.com.", "", "address.domain.shape"},
		{"-a.example", "", "address.domain.shape"},
		{"a-.example", "", "address.domain.shape"},
		{"ab--c.example", "", "address.domain.shape"},
		{"a_b.example", "", "address.domain.shape"},
		{"a b.example", "", "address.domain.shape"},
		{"a@b.example", "", "address.domain.shape"},
		{"a.example/x", "", "address.domain.shape"},
		{"a.example:25", "", "address.domain.shape"},
		{"[192.0.2.1]", "", "address.domain.shape"},
		{"192.0.2.1", "", "address.domain.shape"},
		{"１９２.0.2.1", "", "address.domain.shape"},
		{"a.123", "", "address.domain.shape"},
		{"a.0x7f", "a.0x7f", ""},
		{"2001:db8::1", "", "address.domain.shape"},
		{"xn--a.example", "", "address.domain.shape"},
		{"xn--.example", "", "address.domain.shape"},
		{"xn--foo-.example", "", "address.domain.shape"},
		{"xn--BCHER-KVA.example", "xn--bcher-kva.example", ""},
		{label + "a.example", "", "address.domain.shape"},
		{strings.Repeat("a.", 124) + "abcdef", "", "address.domain.shape"}, // 254 octets
		{strings.Repeat("é", 60) + ".example", "", "address.domain.shape"},
		{strings.Repeat("a", 5000), "", "address.long"},
		{"a\x00.example", "", "address.domain.shape"},
		{"a\n.example", "", "address.domain.shape"},
		{"\xff.example", "", "address.domain.shape"},
		{"ex\u200bample.com", "example.com", ""}, // UTS #46 leaves it out, as browsers do
		{"\u202eexample.com", "", "address.domain.shape"},
		{"אa.example", "", "address.domain.shape"}, // RFC 5893
		{"💩.example", "xn--ls8h.example", ""},
	} {
		got, problem := ParseDomain(c.text)
		if got != c.want || key(problem) != c.key {
			t.Errorf("ParseDomain(%q) = %q, %q; want %q, %q", c.text, got, key(problem), c.want, c.key)
		}
	}
}

func TestAddresses(t *testing.T) {
	long := strings.Repeat("a", 63) + "." + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) // 191 octets
	for _, c := range []struct{ text, want, key string }{
		{"Contact@Garrigue.Example", "contact@garrigue.example", ""},
		{" a@été.fr\n", "a@xn--t-9fab.fr", ""},
		{strings.Repeat("a", 62) + "@" + long, strings.Repeat("a", 62) + "@" + long, ""}, // 254
		{strings.Repeat("a", 63) + "@" + long, "", "address.long"},
		{"", "", "address.shape"},
		{"contact", "", "address.shape"},
		{"@garrigue.example", "", "address.local.empty"},
		{"a@", "", "address.domain.empty"},
		{"a@b", "", "address.domain.single"},
		{"a@b@c.example", "", "address.local.character"},
		{"Bob <a@x.fr>", "", "address.local.characters"},
		{"<a@x.fr>", "", "address.local.character"},
		{`"a b"@x.fr`, "", "address.local.character"},
		{"a(comment)@x.fr", "", "address.local.character"},
		{"a@[1.2.3.4]", "", "address.domain.shape"},
		{"a@x_y.fr", "", "address.domain.shape"},
		{"a@x.fr,b@x.fr", "", "address.local.character"},
		{"a@x.fr\r\nBcc: b@x.fr", "", "address.local.character"},
	} {
		local, domain, problem := ParseAddress(c.text)
		got := local + "@" + domain
		if problem != nil {
			got = local + domain
		}
		if got != c.want || key(problem) != c.key {
			t.Errorf("ParseAddress(%q) = %q, %q; want %q, %q", c.text, got, key(problem), c.want, c.key)
		}
	}
}

func TestReadable(t *testing.T) {
	for address, want := range map[string]string{
		"a@xn--t-9fab.fr": "a@été.fr", "a@garrigue.example": "a@garrigue.example", "xn--t-9fab.fr": "été.fr",
		"a@xn--broken-\u00e9.fr": "a@xn--broken-\u00e9.fr", "a@xn--a.example": "a@xn--a.example", "": "", "a@": "a@",
	} {
		if got := ReadableAddress(address); got != want {
			t.Errorf("ReadableAddress(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		local, description string
		want               []string
	}{
		{"contact", "", []string{"contact"}},
		{"jean.dupont", "Jean Dupont, Comptabilité", []string{"jean.dupont", "jean", "dupont", "comptabilite"}},
		{"r-d", "Œuvre de l’ÉTÉ 2026", []string{"r-d", "r", "d", "oeuvre", "de", "l", "ete", "2026"}},
		{"x", "Straße Łódź Ærø İstanbul", []string{"x", "strasse", "lodz", "aero", "istanbul"}},
		{"x", "営業部 Ελληνικά हिन्दी", []string{"x", "営業部", "ελληνικα", "हिनदी"}},
		{"x", "a\x00b \xff!", []string{"x", "a", "b"}},
		{strings.Repeat("ab", 32), "", []string{strings.Repeat("ab", 16)}},
		{"a", "b c d e f g h i j k l m n", strings.Split("abcdefghijkl", "")},
	} {
		if got := words(c.local, c.description); !slices.Equal(got, c.want) {
			t.Errorf("words(%q, %q) = %q, want %q", c.local, c.description, got, c.want)
		}
	}
}

func TestTheBeginningOfAWordFindsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := rapid.StringMatching(`[a-z0-9]([a-z0-9_-]|\.[a-z0-9]){0,30}`).Draw(t, "local")
		description := rapid.String().Draw(t, "description")
		list := words(local, description)
		if len(list) > maxWords || len(list) == 0 {
			t.Fatalf("%d words", len(list))
		}
		if len(list) < maxWords {
			for _, typed := range strings.FieldsFunc(description, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) }) {
				n := rapid.IntRange(1, utf8.RuneCountInString(typed)).Draw(t, "typed")
				q := foldQuery(string([]rune(typed)[:n]))
				if !slices.ContainsFunc(list, func(w string) bool { return strings.HasPrefix(w, q) }) {
					t.Fatalf("%q (%q) does not find %q in %q", typed, q, description, list)
				}
			}
		}
		for i, w := range list {
			if w == "" || utf8.RuneCountInString(w) > maxWord || !utf8.ValidString(w) || strings.ContainsRune(w, 0) || slices.Contains(list[:i], w) {
				t.Fatalf("word %q of %q", w, list)
			}
		}
		if q := foldQuery(local[:rapid.IntRange(1, len(local)).Draw(t, "n")]); !strings.HasPrefix(list[0], q) {
			t.Fatalf("%q does not find %q", q, local)
		}
	})
}

// What a parser returns is in its normal form: parsing it again changes nothing.
func TestNormalFormsStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("aAzZ09.-_@xn é ß。ｅ\u0301")), rapid.Rune())).Draw(t, "text")
		checkNormalForms(t, text)
	})
}

func FuzzAddresses(f *testing.F) {
	for _, seed := range []string{"contact@garrigue.example", "Bob <a@x.fr>", "a@été.fr", "a@xn--a.example", "ab1234-mdt", "sam-support", "a@x。fr", "\"a b\"@x", "a@co.uk", "a@1.2.3.4", "ß@ß.de", "\x00@\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkNormalForms(t, text) })
}

func checkNormalForms(t interface {
	Helper()
	Fatalf(string, ...any)
}, text string,
) {
	t.Helper()
	if local, problem := ParseLocalPart(text); problem == nil {
		if again, problem := ParseLocalPart(strings.ToUpper(local)); problem != nil || again != local {
			t.Fatalf("local part %q becomes %q (%v)", local, again, problem)
		}
	}
	if domain, problem := ParseDomain(text); problem == nil {
		readable := ReadableDomain(domain)
		for _, form := range []string{domain, strings.ToUpper(domain), readable} {
			if again, problem := ParseDomain(form); problem != nil || again != domain {
				t.Fatalf("domain %q of %q: %q becomes %q (%v)", domain, text, form, again, problem)
			}
		}
		if strings.Trim(domain, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || len(domain) > 253 || !strings.Contains(domain, ".") {
			t.Fatalf("domain %q of %q", domain, text)
		}
	}
	if local, domain, problem := ParseAddress(text); problem == nil {
		address := local + "@" + domain
		l, d, problem := ParseAddress(ReadableAddress(address))
		if problem != nil || l != local || d != domain || len(address) > maxAddress {
			t.Fatalf("address %q becomes %q %q (%v)", address, l, d, problem)
		}
	}
	for _, piece := range SplitIdentifiers(text) {
		customer, isCustomer := ParseIdentifier(piece)
		agent, isAgent := ParseAgentIdentifier(piece)
		if isCustomer && isAgent {
			t.Fatalf("%q is both a customer %q and an agent %q", piece, customer, agent)
		}
	}
	words(text, text)
	foldQuery(text)
}

func TestReservedLocalParts(t *testing.T) {
	t.Parallel()
	for local, want := range map[string]bool{"postmaster": true, "abuse": true, "contact": false, "abuse.2": false, "": false} {
		if got := Reserved(local); got != want {
			t.Errorf("Reserved(%q) is %t", local, got)
		}
	}
}
