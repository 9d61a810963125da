package handlers_test

// bulkMatrix is the part of the matrix about several ticked accounts: rights are
// asked of the service, and what is said of an account that is out of reach is
// said of one that is not there.
const bulkMatrix = `
GET /services/:domain/accounts/description?accounts=:address
	contact@garrigue.example            200   200   200   404   404   403   in
	compta@garrigue.example             200   200   200   404   404   403   in
	ghost@garrigue.example              200   200   200   404   404   403   in
	devis@atelier-durand.example        200   200   200   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/accounts/description from /services/:domain/accounts/description?accounts=:address fill accounts=:address&description=Autre+chose writes account.changed
	contact@garrigue.example            done  done  done  404   404   403   in
	compta@garrigue.example             done  done  422   404   404   403   in
	ghost@garrigue.example              422   422   422   404   404   403   in
	devis@atelier-durand.example        done  done  done  404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
GET /services/:domain/accounts/size?accounts=:address
	contact@garrigue.example            200   200   403   404   404   403   in
	compta@garrigue.example             200   200   403   404   404   403   in
	ghost@garrigue.example              200   200   403   404   404   403   in
	devis@atelier-durand.example        200   200   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/accounts/size from /services/:domain/accounts/size?accounts=:address fill accounts=:address&size_gb=1,5 writes account.changed
	contact@garrigue.example            done  done  403   404   404   403   in
	compta@garrigue.example             done  done  403   404   404   403   in
	ghost@garrigue.example              422   422   403   404   404   403   in
	devis@atelier-durand.example        done  done  403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
GET /services/:domain/accounts/block?accounts=:address
	contact@garrigue.example            200   200   403   404   404   403   in
	ghost@garrigue.example              200   200   403   404   404   403   in
	devis@atelier-durand.example        200   200   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/accounts/block from /services/:domain/accounts/block?accounts=:address fill accounts=:address writes account.blocked
	contact@garrigue.example            done  done  403   404   404   403   in
	accueil@garrigue.example            303   303   403   404   404   403   in
	ghost@garrigue.example              422   422   403   404   404   403   in
	devis@atelier-durand.example        done  done  403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
GET /services/:domain/accounts/unblock?accounts=:address
	accueil@garrigue.example            200   200   403   404   404   403   in
	ghost@garrigue.example              200   200   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/accounts/unblock from /services/:domain/accounts/unblock?accounts=:address fill accounts=:address writes account.unblocked
	accueil@garrigue.example            done  done  403   404   404   403   in
	contact@garrigue.example            303   303   403   404   404   403   in
	ghost@garrigue.example              422   422   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   303   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in

# Bruno gave devis@ to Chloé, and nothing of the first service, where whoever
# holds an address is none of his business.
GET /services/:domain/accounts/revocation?accounts=:address
	contact@garrigue.example            200   200   403   404   404   403   in
	ghost@garrigue.example              200   200   403   404   404   403   in
	devis@atelier-durand.example        200   200   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/accounts/revocation from /services/:domain/accounts/revocation?accounts=:address fill accounts=:address&identifiers=cl1003-mdt writes grant.revoked
	contact@garrigue.example            done  303   403   404   404   403   in
	compta@garrigue.example             303   303   403   404   404   403   in
	ghost@garrigue.example              422   422   403   404   404   403   in
	devis@atelier-durand.example        done  done  403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   303   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in

GET /services/:domain/emails.csv?accounts=:address
	contact@garrigue.example            200   200   200   404   404   403   in
	compta@garrigue.example             200   200   200   404   404   403   in
	ghost@garrigue.example              200   200   200   404   404   403   in
	devis@atelier-durand.example        200   200   200   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               200   200   200   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
`
