package imap

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plan is a folder of the source with the one that its messages go to.
type Plan struct {
	Folder
	Target string
	Usual  bool // it is copied unless somebody says otherwise
}

// Limits on the names of folders. One that is longer becomes another name.
const (
	maxDepth   = 10
	maxSegment = 60  // characters
	maxTarget  = 180 // octets, in the encoding of the wire: a directory's name has a limit
)

// places are the names of the folders with a role at the destination.
var places = map[Role]string{Sent: "Sent", Drafts: "Drafts", Junk: "Junk", Trash: "Trash"}

// usualNames are what servers that tell no roles call these folders.
var usualNames = map[string]Role{
	"sent": Sent, "sent items": Sent, "sent messages": Sent, "sent mail": Sent, "envoyés": Sent, "éléments envoyés": Sent, "messages envoyés": Sent, "courrier envoyé": Sent,
	"drafts": Drafts, "draft": Drafts, "brouillons": Drafts,
	"junk": Junk, "junk e-mail": Junk, "junk email": Junk, "spam": Junk, "bulk mail": Junk, "courrier indésirable": Junk, "indésirables": Junk, "pourriels": Junk,
	"trash": Trash, "deleted items": Trash, "deleted messages": Trash, "corbeille": Trash, "éléments supprimés": Trash,
}

// PlanFolders says where the messages of each folder go, at a destination whose
// names are parted by delimiter. No two go to the same folder: what is alike in
// two of them is two messages. Which those with a role are, the server says, or
// else their names. Those whose messages are in other folders too are unusual,
// and so are those of junk and trash.
func PlanFolders(folders []Folder, delimiter string) []Plan {
	plans := make([]Plan, len(folders))
	for i, f := range withRoles(folders) {
		plans[i] = Plan{Folder: f, Usual: f.Role != Virtual && f.Role != Junk && f.Role != Trash}
	}
	rank := func(p Plan) int {
		switch {
		case isInbox(p.Name):
			return 0
		case places[p.Role] != "":
			return 1
		}
		return 2
	}
	slices.SortStableFunc(plans, func(a, b Plan) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name))
	})
	taken := map[string]bool{}
	for i := range plans {
		p := &plans[i]
		p.Target = free(target(p.Folder, delimiter), delimiter, taken)
		taken[fold(p.Target)] = true
	}
	return plans
}

// withRoles gives the roles that the server does not tell to folders that are
// called so, one each.
func withRoles(folders []Folder) []Folder {
	told := map[Role]bool{}
	for _, f := range folders {
		told[f.Role] = true
	}
	folders = slices.Clone(folders)
	for i := range folders {
		if role := roleByName(folders[i]); role != NoRole && folders[i].Role == NoRole && !told[role] {
			folders[i].Role, told[role] = role, true
		}
	}
	return folders
}

func isInbox(name string) bool { return strings.EqualFold(name, "INBOX") }

func fold(name string) string { return strings.ToLower(name) }

// segments are the parts of a folder's name. Many servers have all folders
// below the inbox, where nobody sees them as being.
func segments(f Folder) []string {
	parts := []string{f.Name}
	if f.Delimiter != "" {
		parts = strings.Split(f.Name, f.Delimiter)
	}
	if len(parts) > 1 && isInbox(parts[0]) {
		parts = parts[1:]
	}
	return parts
}

func roleByName(f Folder) Role {
	parts := segments(f)
	if len(parts) != 1 || isInbox(f.Name) {
		return NoRole
	}
	return usualNames[fold(parts[0])]
}

// target is the name of the folder at the destination.
func target(f Folder, delimiter string) string {
	if isInbox(f.Name) {
		return "INBOX"
	}
	if place := places[f.Role]; place != "" {
		return place
	}
	parts := segments(f)
	if len(parts) > maxDepth {
		parts = append(parts[:maxDepth-1:maxDepth-1], strings.Join(parts[maxDepth-1:], " "))
	}
	for i, part := range parts {
		parts[i] = segment(part, delimiter)
	}
	if isInbox(parts[0]) {
		parts[0] += "_"
	}
	name := strings.Join(parts, delimiter)
	if wireLength(name) > maxTarget {
		sum := sha256.Sum256([]byte(f.Name))
		name = cut(name, delimiter, maxTarget-10) + "-" + hex.EncodeToString(sum[:4])
	}
	return name
}

// segment is a part of a name as any server takes it: those that keep folders
// as directories refuse some signs, and "~" at the beginning.
func segment(part, delimiter string) string {
	part = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r), strings.ContainsRune(`/\.*%"`, r), strings.ContainsRune(delimiter, r):
			return '_'
		}
		return r
	}, strings.ToValidUTF8(part, "_"))
	part = strings.TrimSpace(part)
	if runes := []rune(part); len(runes) > maxSegment {
		part = strings.TrimSpace(string(runes[:maxSegment]))
	}
	if part == "" || part[0] == '~' {
		part = "_" + strings.TrimPrefix(part, "~")
	}
	return part
}

// cut is the beginning of a name that has at most so many octets on the wire.
func cut(name, delimiter string, most int) string {
	runes := []rune(name)
	for len(runes) > 0 && wireLength(string(runes)) > most {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimRight(string(runes), delimiter+" ")
}

// wireLength bounds the length of a name in modified UTF-7 (RFC 3501, 5.1.3).
func wireLength(name string) (n int) {
	for _, r := range name {
		switch {
		case r >= ' ' && r < 0x7f && r != '&':
			n++
		case r == '&':
			n += 2
		case r > 0xffff:
			n += 6 + 2
		default:
			n += 3 + 2
		}
	}
	return n
}

// free is name, or one like it that is not taken.
func free(name, delimiter string, taken map[string]bool) string {
	is := name
	for n := 2; taken[fold(is)]; n++ {
		mark := " (" + strconv.Itoa(n) + ")"
		is = cut(name, delimiter, maxTarget-len(mark)) + mark
	}
	return is
}

// Legible is text of a server as it may be shown: without what is no sign, and
// not longer than so many characters.
func Legible(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	return text
}

// Keywords are flags as a destination may be given them: the system's known ones
// and keywords, each once; \Recent is the server's own to set.
func Keywords(flags []string) (kept []string) {
	for _, flag := range flags {
		system := strings.HasPrefix(flag, `\`)
		known := slices.ContainsFunc([]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}, func(k string) bool { return strings.EqualFold(k, flag) })
		switch {
		case system && !known, !system && !isKeyword(flag), len(kept) >= maxKeywords:
			continue
		case slices.ContainsFunc(kept, func(k string) bool { return strings.EqualFold(k, flag) }):
			continue
		}
		kept = append(kept, flag)
	}
	return kept
}

// Limits on keywords: mail servers have their own.
const (
	maxKeywords = 30
	maxKeyword  = 50 // octets
)

func isKeyword(flag string) bool {
	if flag == "" || len(flag) > maxKeyword {
		return false
	}
	for i := range len(flag) {
		if c := flag[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return true
}
